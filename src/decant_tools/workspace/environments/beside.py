"""Libs that installed projects ask for by name and that cannot be installed: they lie on the path alone."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import NamedTuple

from decant_tools.workspace.environments.requirements import Read, normalised
from decant_tools.workspace.environments.versions import as_version
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.facts.model import Facts
from decant_tools.workspace.facts.reading import extract
from decant_tools.workspace.facts.requirements import read_requirements

MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg")
_ASKED = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?\s*((?:[<>=~!]=?=?\s*[\w.*+!]+\s*,?\s*)+)")
_BOUND = re.compile(r"(~=|>=|===?|>)\s*(\d+(?:\.\d+)*)")


class Beside(NamedTuple):
    """A lib that an installer takes for installed, as it has nothing to find it by.

    Attributes:
        name: Its normalised name.
        version: One that those who ask for it allow.
        at: Where it is asked for.
    """

    name: str
    version: str
    at: str


def asked_beside(folders: Iterable[str], read: Read, names: Iterable[str]) -> list[Beside]:
    """Return which libs the manifests of installed folders ask for by name.

    Args:
        folders: Those that are installed, relative to the workspace.
        read: Reads a file of the workspace.
        names: The normalised names of the libs that cannot be installed.
    """
    places: dict[str, str] = {}
    versions: dict[str, str] = {}
    known = frozenset(names)
    for path, content, said in manifests_of(folders, read) if known else ():
        for requirement in said.requirements:
            if requirement.name in known and not requirement.path and requirement.group != "build":
                places.setdefault(requirement.name, f"{path}:{requirement.line}" if requirement.line else path)
        for name, version in _versions(content.decode("utf-8", "replace")):
            if as_version(version) > as_version(versions.get(name, "0")):
                versions[name] = version
    return [Beside(name, versions.get(name, "0"), at) for name, at in sorted(places.items())]


def manifests_of(folders: Iterable[str], read: Read) -> Iterator[tuple[str, bytes, Facts]]:
    """Yield what installed folders are described by, with the lists of requirements that are taken in.

    Args:
        folders: Relative to the workspace.
        read: Reads a file of the workspace.
    """
    left = [join(folder, name) for folder in folders for name in MANIFESTS]
    seen: set[str] = set()
    while left:
        path = left.pop()
        content = None if path in seen else read(path)
        seen.add(path)
        if content is not None:
            said = extract(path, content) if kind_of(path) else read_requirements(content)
            left += [normpath(join(dirname(path), include.path)) for include in said.includes]
            yield path, content, said


def _versions(text: str) -> Iterator[tuple[str, str]]:
    """Yield names with the lowest version that each of their bounds allows."""
    for found in _ASKED.finditer(text):
        for bound in _BOUND.finditer(found[2]):
            yield normalised(found[1]), f"{bound[2]}.0.1" if bound[1] == ">" else bound[2]


def write_wheels(folder: Path, versions: Mapping[str, str]) -> list[str]:
    """Write a distribution without files for each lib, and return what an installer is asked for.

    Args:
        folder: Where they go; made when there is one to write.
        versions: By normalised name.
    """
    lines = []
    for name, version in versions.items():
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{name.replace('-', '_')}-{version}"
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            "WHEEL": "Wheel-Version: 1.0\nGenerator: decant\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "".join(f"{stem}.dist-info/{file},,\n" for file in ("METADATA", "WHEEL", "RECORD")),
        }
        path = folder / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for file, content in files.items():
                wheel.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{file}"), content)
        lines.append(f"{name} @ {path.absolute().as_uri()}")
    return lines
