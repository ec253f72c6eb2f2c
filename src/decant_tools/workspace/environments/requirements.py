"""Reads what a project asks for: requirement files with what they include, and the tables of ``pyproject.toml``."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any

from decant.errors import CommandError
from decant.settings.toml import TomlFile

Read = Callable[[str], "bytes | None"]
"""Returns a file of the workspace; None where there is none."""

FIND_LINKS = "--find-links "
"""The option that names a folder of archives."""

REQUIRE_HASHES = "--require-hashes"

_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*")
_INCLUDE = re.compile(r"^(?:-r|--requirement|-c|--constraint)(?:\s+|=|(?<=-[rc]))(?P<file>.+)$")
_EDITABLE = re.compile(r"^(?:-e|--editable)(?:\s+|=)")
_FIND_LINKS = re.compile(r"^(?:-f|--find-links)(?:\s+|=|(?<=-f))(?P<where>.+)$")
_EXTRAS = re.compile(r"^[^;\[]*\[([^\]/]*)\](?=\s*(?:$|[@=<>!~(;]|--))")
_COMMENT = re.compile(r"(^|\s)#.*$")
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement as somebody wrote it.

    Attributes:
        text: What it says, without a comment.
        at: Where it stands: ``services/orders/requirements.txt:3``.
    """

    text: str
    at: str

    @property
    def name(self) -> str:
        """The normalised name of the distribution that it asks for (PEP 503); "" where it names none."""
        found = _NAME.match(self.text)
        return normalised(found[1]) if found and self.local is None and "://" not in self.text.split("@")[0] else ""

    @property
    def specifier(self) -> str:
        """Its versions, for instance ``==2.3.7``."""
        rest = _NAME.sub("", self.text).split(";")[0].split(" --")[0]
        return "" if rest.lstrip().startswith("@") else rest.strip().strip("()").replace(" ", "")

    @property
    def extras(self) -> tuple[str, ...]:
        """The extras that it asks for, sorted."""
        found = _EXTRAS.match(_EDITABLE.sub("", self.text))
        return tuple(sorted({name for part in found[1].split(",") if (name := part.strip())})) if found else ()

    @property
    def local(self) -> str | None:
        """The path of the folder or archive that it asks for, as written; None where it asks an index."""
        text = _EDITABLE.sub("", self.text).split(" ;")[0].split("#egg=")[0].strip()
        if " @ " in text:
            text = text.split(" @ ", 1)[1].strip()
        if "://" in text and not text.startswith("file://"):
            return None
        text = re.sub(r"\[[^\]]*\]$", "", text.removeprefix("file://").removeprefix("file:"))
        is_path = text.startswith((".", "/")) or ("/" in text and ";" not in text) or _EDITABLE.match(self.text)
        return text if is_path else None


@dataclass
class Asked:
    """What requirement files ask for.

    Attributes:
        lines: Requirements, in the order written.
        constraints: What ``-c`` files say.
        options: Options of the files themselves, for instance ``--pre``; folders in them relative to the workspace.
        files: Every file that was read.
    """

    lines: list[Line] = field(default_factory=list)
    constraints: list[Line] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 has it."""
    return _SEPARATORS.sub("-", name).lower()


def read_requirements(path: str, read: Read, asked: Asked | None = None, *, is_constraint: bool = False) -> Asked:
    """Read a requirement file and what it includes.

    Args:
        path: Relative to the workspace.
        read: Reads a file of the workspace.
        asked: What is added to; a new one by default.
        is_constraint: Whether it only limits versions.

    Raises:
        CommandError: Exit code 3, for an included file that is not there, and a requirement without the hash that its
            file requires.
    """
    asked = Asked() if asked is None else asked
    if path in asked.files:
        return asked
    asked.files.append(path)
    for number, text in _logical_lines(_decode(read(path) or b"")):
        line = Line(text, f"{path}:{number}")
        if include := _INCLUDE.match(text):
            _include(line, include["file"].strip(), read, asked, is_constraint or text.startswith(("-c", "--c")))
        elif text.startswith("-") and not _EDITABLE.match(text):
            asked.options.append(_option(text, dirname(path)))
        else:
            (asked.constraints if is_constraint else asked.lines).append(line)
    if REQUIRE_HASHES in asked.options:
        _check_hashes(path, asked)
    return asked


def _check_hashes(path: str, asked: Asked) -> None:
    """Refuse requirements of a file that lack the hash that is required; what lies in the workspace needs none."""
    for line in asked.lines:
        is_own = line.at.rpartition(":")[0] == path and line.local is None
        if is_own and " --hash" not in line.text:
            raise CommandError(
                f"{line.at}: {line.text} has no hash, and {REQUIRE_HASHES} asks for one.",
                hint="Compile the file anew with hashes, or delete the option.",
                exit_code=3,
            )


def _option(text: str, folder: str) -> str:
    """Return an option with its folder relative to the workspace, and not to the file that names it."""
    found = _FIND_LINKS.match(text)
    where = found["where"].strip("\"'") if found else ""
    return text if not where or "://" in where else f"{FIND_LINKS}{normpath(join(folder, where))}"


def _include(line: Line, file: str, read: Read, asked: Asked, is_constraint: bool) -> None:
    path = normpath(join(dirname(line.at.rpartition(":")[0]), file))
    if read(path) is None:
        raise CommandError(
            f"{line.at}: there is no file {path}.", hint=f"Create it, or delete `{line.text}`.", exit_code=3
        )
    read_requirements(path, read, asked, is_constraint=is_constraint)


def _decode(raw: bytes) -> str:
    """Return a text; ``pip freeze > requirements.txt`` in PowerShell writes UTF-16."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")


def _logical_lines(text: str) -> Iterable[tuple[int, str]]:
    """Yield lines without comments, those that end in a backslash joined, with the number of the first."""
    kept, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\"):
            kept += f"{line[:-1].rstrip()} "
            continue
        whole = _COMMENT.sub("", kept + line).strip()
        if whole:
            yield first, re.sub(r"\s+", " ", whole)
        kept, first = "", 0
    if whole := _COMMENT.sub("", kept).strip():
        yield first, whole


@dataclass(frozen=True)
class Pyproject:
    """A project's ``pyproject.toml``.

    Attributes:
        path: Relative to the workspace.
        data: Its content; empty where it cannot be read.
    """

    path: str
    data: Mapping[str, Any]
    file: TomlFile

    @property
    def name(self) -> str:
        """The normalised name of its distribution, or ""."""
        name = self._project.get("name")
        return normalised(name) if isinstance(name, str) else ""

    @property
    def is_package(self) -> bool:
        """Whether it says how it is built, so that it can be installed."""
        uv = _table(_table(self.data, "tool"), "uv")
        return bool(uv.get("package", "build-system" in self.data))

    @property
    def has_requirements(self) -> bool:
        return "dependencies" in self._project or self.is_package

    def dependencies(self) -> list[Line]:
        """Return what it needs to run."""
        return self._lines("project", "dependencies")

    def optional(self, extra: str) -> list[Line]:
        """Return what an extra adds."""
        return self._lines("project", "optional-dependencies", extra)

    def first_group(self, *names: str) -> list[Line]:
        """Return what the first of some optional extras, or groups of PEP 735, adds."""
        for name in names:
            if name in _table(self._project, "optional-dependencies"):
                return self._lines("project", "optional-dependencies", name)
            if name in _table(self.data, "dependency-groups"):
                return self._group(name, frozenset())
        return []

    @property
    def sources(self) -> Mapping[str, str]:
        """``[tool.uv.sources]`` that lie in the workspace: normalised name and path, "" for a member."""
        tables = _table(_table(_table(self.data, "tool"), "uv"), "sources")
        found = {normalised(name): table for name, table in tables.items() if isinstance(table, dict)}
        return {name: str(table.get("path", "")) for name, table in found.items() if {"path", "workspace"} & set(table)}

    @property
    def _project(self) -> Mapping[str, Any]:
        return _table(self.data, "project")

    def _group(self, name: str, seen: frozenset[str]) -> list[Line]:
        lines = self._lines("dependency-groups", name)
        for entry in _table(self.data, "dependency-groups").get(name, []):
            other = entry.get("include-group") if isinstance(entry, dict) else None
            if isinstance(other, str) and other not in seen:
                lines += self._group(other, seen | {name})
        return lines

    def _lines(self, *keys: str) -> list[Line]:
        found: Any = self.data
        for key in keys:
            found = found.get(key, []) if isinstance(found, dict) else []
        entries = enumerate(found if isinstance(found, list) else [])
        return [
            Line(" ".join(entry.split()), f"{self.path}:{self.file.line_of(*keys, number)}")
            for number, entry in entries
            if isinstance(entry, str)
        ]


def read_pyproject(path: str, read: Read) -> Pyproject | None:
    """Read a ``pyproject.toml``; None where there is none.

    Raises:
        CommandError: Exit code 3, when it is not TOML.
    """
    raw = read(path)
    if raw is None:
        return None
    text = raw.decode("utf-8-sig", "replace")
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CommandError(f"{path}: it cannot be read: {error}.", exit_code=3) from None
    return Pyproject(path, data, TomlFile(Path(path), path, data, text))


def read_pipfile(path: str, read: Read, *tables: str) -> list[Line]:
    """Return what tables of a ``Pipfile`` ask for, those left out that come from no index and no folder.

    Raises:
        CommandError: Exit code 3, when it is not TOML.
    """
    found = read_pyproject(path, read)  # it is TOML too, with tables of its own
    if found is None:
        return []
    lines = []
    for table in tables:
        for name, value in _table(found.data, table).items():
            wish = value if isinstance(value, dict) else {"version": value}
            at = f"{path}:{found.file.line_of(table, name)}"
            if isinstance(wish.get("path"), str):
                lines.append(Line(f"{name} @ file:{wish['path']}", at))
            elif isinstance(wish.get("version"), str):
                extras = f"[{','.join(map(str, wish['extras']))}]" if isinstance(wish.get("extras"), list) else ""
                marker = f" ; {wish['markers']}" if isinstance(wish.get("markers"), str) else ""
                lines.append(Line(f"{name}{extras}{wish['version'] if wish['version'] != '*' else ''}{marker}", at))
    return lines


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}
