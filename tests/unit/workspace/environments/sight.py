"""A workspace that is nowhere, or in a folder: what environments are made of, without git; and an index of wheels."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from decant_tools.workspace.model import Edge, Graph, Project
from decant_tools.workspace.tree import MemoryTree


@dataclass
class Sight:
    """Looks like a view.

    Attributes:
        root: The workspace's folder.
        files: Paths and contents.
        projects: Its projects.
        needs: Ids of projects: who depends on whom.
    """

    root: Path
    files: Mapping[str, str]
    projects: tuple[Project, ...]
    needs: Iterable[tuple[str, str]] = ()

    @cached_property
    def tree(self) -> MemoryTree:
        return MemoryTree(self.files)

    @cached_property
    def graph(self) -> Graph:
        edges = [
            Edge(source, target, "extra" if target.startswith("service:") else "import", "x.py:1")
            for source, target in self.needs
        ]
        return Graph(self.projects, edges)

    def write(self) -> None:
        for path, content in self.files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(content)


def service(name: str, path: str | None = None) -> Project:
    folder = f"services/{name}" if path is None else path
    return Project("service", name, folder, (folder,))


def lib(name: str, distribution: str = "") -> Project:
    folder = f"libs/{name}"
    packages = ((name, folder), (f"libs.{name}", folder))
    return Project("lib", name, folder, (folder,), packages, distribution)


def write_wheel(folder: Path, name: str, version: str, requires: Iterable[str] = (), code: str = "") -> None:
    """Write the wheel of a distribution with one module, which is called like it."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    files = {
        f"{name}.py": code or f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,"]) + "\n")


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def use_wheels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder of wheels be the only place that packages come from."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(folder.parent / "uv-cache"))
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
