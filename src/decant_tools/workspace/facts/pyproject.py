"""``pyproject.toml`` in the dialects of PEP 621, uv, Poetry, PDM and Hatch; and Pipenv's ``Pipfile``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from decant_tools.workspace.facts.model import Facts, Include, Requirement
from decant_tools.workspace.facts.names import normalise
from decant_tools.workspace.facts.requirements import read_requirement, unreadable
from decant_tools.workspace.facts.text import decode
from decant_tools.workspace.facts.toml import broken_line, parse_toml

Table = Mapping[str, Any]
"""What TOML is read as: dicts, which are asked for: asking whether something is a mapping takes ten times as long."""

_WORD = re.compile(r"(?<![a-z0-9-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
"""A name as :func:`normalise` leaves it, in a text that it was applied to."""

_SILENT = re.compile(r"^[^\S\n]*(?:#|name =).*$", re.MULTILINE)
"""A line that asks for nothing."""


def read_pyproject(content: bytes) -> Facts:
    """Return the name, the requirements and the layout of a project."""
    text, data = _load(content)
    if isinstance(data, Facts):
        return data
    project, tool = _table(data, "project"), _table(data, "tool")
    poetry, uv = _table(tool, "poetry"), _table(tool, "uv")
    found = [*_standard(data, project, uv), *_poetry(poetry), *_others(tool)]
    return Facts(
        name=normalise(next(filter(None, map(_text, (project.get("name"), poetry.get("name"), *_flit(tool)))), "")),
        requirements=_placed(_with_sources(found, _table(uv, "sources")), text),
        includes=tuple(_includes(tool, text)),
        roots=tuple(dict.fromkeys(_roots(tool))),
    )


def read_pipfile(content: bytes) -> Facts:
    """Return what a Pipfile asks for."""
    text, data = _load(content)
    if isinstance(data, Facts):
        return data
    found = [
        *_by_name(_table(data, "packages"), ""),
        *_by_name(_table(data, "dev-packages"), "dev"),
    ]
    return Facts(requirements=_placed(found, text))


def _load(content: bytes) -> tuple[str, Table | Facts]:
    text, is_sound = decode(content)
    try:
        if not is_sound:
            raise ValueError("its bytes are not UTF-8")
        return text, parse_toml(text)
    except (ValueError, RecursionError) as error:
        fault = unreadable(broken_line(error, text), f"This file is not valid TOML: {error}.", "Correct it.")
        return text, Facts(faults=(fault,))


def _standard(data: Table, project: Table, uv: Table) -> Iterator[Requirement]:
    yield from _listed(project.get("dependencies"), "")
    for extra, listed in _table(project, "optional-dependencies").items():
        yield from _listed(listed, extra)
    for group, listed in _table(data, "dependency-groups").items():
        yield from _listed(listed, group)
    yield from _listed(uv.get("dev-dependencies"), "dev")
    yield from _listed(_table(data, "build-system").get("requires"), "build")


def _listed(value: object, group: str) -> Iterator[Requirement]:
    for text in _texts(value):
        if text.startswith("-e"):
            text = re.sub(r"^-e\s+", "", text)
        if found := read_requirement(text.replace(";", " ;"), 0, group):
            yield found


def _with_sources(found: Iterable[Requirement], sources: Table) -> Iterator[Requirement]:
    """Yield requirements with the places that ``[tool.uv.sources]`` gives them."""
    places = {normalise(name): source for name, source in sources.items()}
    for requirement in found:
        options = places.get(requirement.name)
        for source in options if isinstance(options, list) else [options]:
            if not isinstance(source, dict):
                yield requirement
            elif path := _text(source.get("path")):
                yield requirement._replace(path=path.replace("\\", "/"))
            else:
                yield requirement._replace(is_member=requirement.is_member or source.get("workspace") is True)


def _poetry(poetry: Table) -> Iterator[Requirement]:
    yield from _by_name(_table(poetry, "dependencies"), "")
    yield from _by_name(_table(poetry, "dev-dependencies"), "dev")
    for group, table in _table(poetry, "group").items():
        yield from _by_name(_table(table, "dependencies"), group)


def _by_name(table: Table, group: str) -> Iterator[Requirement]:
    """Yield requirements of tables ``name = "^1"`` or ``name = { path = "../x" }``."""
    for name, options in table.items():
        if name == "python":
            continue
        for option in options if isinstance(options, list) else [options]:
            path = _text(option.get("path")) if isinstance(option, dict) else ""
            yield Requirement(0, normalise(name), path.replace("\\", "/"), group)


def _flit(tool: Table) -> Iterator[object]:
    """Yield what may be the name where it stands in a table of Flit's own."""
    metadata = _table(_table(tool, "flit"), "metadata")
    yield from (metadata.get("dist-name"), metadata.get("module"))


def _others(tool: Table) -> Iterator[Requirement]:
    pixi = _table(tool, "pixi")
    for group, table in (("", pixi), *_table(pixi, "feature").items()):
        yield from _by_name(_table(table, "pypi-dependencies"), group)
    yield from _listed(_table(_table(tool, "flit"), "metadata").get("requires"), "")
    for group, listed in _table(_table(tool, "pdm"), "dev-dependencies").items():
        yield from _listed(listed, group)
    for name, environment in _table(_table(tool, "hatch"), "envs").items():
        if isinstance(environment, dict):
            yield from _listed(environment.get("dependencies"), name)
            yield from _listed(environment.get("extra-dependencies"), name)


def _roots(tool: Table) -> Iterator[str]:
    """Yield the folders that packages lie in, as the build back ends are told."""
    setuptools = _table(tool, "setuptools")
    package_dir = _table(setuptools, "package-dir")
    yield from _folders([package_dir.get("")])
    packages = setuptools.get("packages")
    yield from _folders(_texts(_table(_table(setuptools, "packages"), "find").get("where")) if packages else [])
    for item in _tables(_table(tool, "poetry").get("packages")):
        yield from _folders([item.get("from")])
    build = _table(_table(tool, "hatch"), "build")
    for target in (build, *_table(build, "targets").values()):
        if isinstance(target, dict):
            yield from _folders(_texts(target.get("sources")))
            yield from _folders(path.rpartition("/")[0] for path in _texts(target.get("packages")))
    backend = _table(_table(tool, "uv"), "build-backend")
    yield from _folders([backend.get("module-root")])
    yield from _folders([_table(_table(tool, "pdm"), "build").get("package-dir")])


def _includes(tool: Table, text: str) -> Iterator[Include]:
    """Yield the lists of requirements that setuptools is told to take in."""
    dynamic = _table(_table(tool, "setuptools"), "dynamic")
    tables = [_table(dynamic, "dependencies"), *_table(dynamic, "optional-dependencies").values()]
    for table in tables:
        files = table.get("file") if isinstance(table, dict) else None
        for path in _texts([files] if isinstance(files, str) else files):
            line = next((number for number, line in enumerate(text.split("\n"), 1) if path in line), 0)
            yield Include(line, path)


def _folders(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str) and (folder := value.removeprefix("./").strip("/")) not in {"", "."}:
            yield folder


def _placed(found: Iterable[Requirement], text: str) -> tuple[Requirement, ...]:
    """Return requirements with the lines that they are written in."""
    written = normalise(_SILENT.sub("", text))
    placed: dict[tuple[str, str, str, bool], Requirement] = {}
    for item in found:
        line = _line_of(item.name, written) if item.name else _line_with(normalise(item.path), written)
        placed.setdefault((item.name, item.path, item.group, item.is_member), item._replace(line=line))
    return tuple(placed.values())


def _line_of(name: str, written: str) -> int:
    """Return the first line with a name, in a normalised text; 0 without one."""
    at = written.find(name)
    while at >= 0:
        word = _WORD.match(written, at)
        if word and word[0] == name:
            return written.count("\n", 0, at) + 1
        at = written.find(name, at + 1)
    return 0


def _line_with(path: str, written: str) -> int:
    """Return the first line with a path in it, in a normalised text; 0 without one."""
    return next((number for number, line in enumerate(written.split("\n"), 1) if path in line), 0)


def _table(table: object, key: str) -> Table:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[Table]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
