"""Monorepos that run for real, from wheels that are made here; everything is stopped at the end."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decant_tools.run.ports import free_ports
from tests.support.supervised import Workspace, kill_all
from tests.unit.workspace.environments.sight import write_wheel

EXAMPLE = Path(__file__).parents[3] / "examples" / "monorepo"

SERVER = """
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.answer(self.path).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        print("GET", self.path, flush=True)

class Webber:
    def __init__(self, answer):
        self.answer = answer

    def run(self, host="127.0.0.1", port=5000):
        server = http.server.ThreadingHTTPServer((host, port), Handler)
        server.answer = self.answer
        print("listening on", port)  # not flushed: a pipe keeps it unless Python is told not to
        server.serve_forever()
"""
"""A web framework in one file: what a service asks for, so that nothing has to be fetched."""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``webber`` 1.0 and 2.3.3."""
    folder = tmp_path_factory.mktemp("index") / "wheels"
    for version in ("1.0", "2.3.3"):
        write_wheel(folder, "webber", version, code=f"__version__ = {version!r}\n{SERVER}")
    return folder


@pytest.fixture
def mono(tmp_path: Path, wheels: Path) -> Iterator[Callable[..., Workspace]]:
    """Write a monorepo: ``mono({"services/users/app.py": …}, DATABASE_URL=…)``."""
    made: list[Workspace] = []

    def write(files: dict[str, str], **env: str) -> Workspace:
        root = tmp_path / f"mono-{len(made)}"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / ".git").mkdir(exist_ok=True)  # where a search upwards ends; it is no repository
        source = {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_CACHE_DIR": str(wheels.parent / "cache")}
        made.append(Workspace(root, {**source, "UV_LINK_MODE": "copy", "PYTHONPATH": "", **env}))
        return made[-1]

    yield write
    for workspace in made:
        workspace.run("down")
        kill_all(workspace.root / ".decant")


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Callable[[], tuple[Workspace, dict[str, int]]]]:
    """Copy the plain monorepo, its ports replaced by free ones: ``workspace, ports = example()``."""
    made: list[Workspace] = []

    def copy() -> tuple[Workspace, dict[str, int]]:
        root = tmp_path / "example"
        shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".decant", "__pycache__", ".git"))
        (root / ".git").mkdir()
        names = sorted(path.name for path in (root / "services").iterdir())
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        for name, port in ports.items():
            source = root / "services" / name / "app.py"
            source.write_text(re.sub(r"port=\d+", f"port={port}", source.read_text()))
        made.append(Workspace(root, {"PYTHONPATH": ""}))
        return made[-1], ports

    yield copy
    for workspace in made:
        workspace.run("down")
        kill_all(workspace.root / ".decant")
