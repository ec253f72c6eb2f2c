"""Requirements files as pip, pip-tools and uv write and read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from decant_tools.workspace.facts.model import Facts, Fault, Include, Requirement
from decant_tools.workspace.facts.names import normalise
from decant_tools.workspace.facts.text import decode

_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_FILE_OPTION = re.compile(
    r"(?:-(?P<short>[rce])\s*|--(?P<long>requirement|constraint|editable)(?:\s+|\s*=\s*))(?P<value>.+)"
)
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
_HASHES = re.compile(r"\s--(?:hash|config-settings?|global-option|install-option)\b.*$")
_EGG = re.compile(r"#(?:.*&)?egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tar\.bz2|tgz)$", re.IGNORECASE)
_ROOT_VARIABLE = re.compile(r"^/*(?:\$\{PROJECT_ROOT\}|\$\{PWD\}|\{root:uri\})/*")
_PARENT_VARIABLE = re.compile(r"^\{root:((?:parent:)+)uri\}/*")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Line(NamedTuple):
    """A logical line of a requirements file.

    Attributes:
        number: Where it begins, counted from 1.
        text: Without comments and continuations.
    """

    number: int
    text: str


def read_requirements(content: bytes) -> Facts:
    """Return what a requirements file asks for and takes in."""
    text, is_sound = decode(content)
    requirements: list[Requirement] = []
    includes: list[Include] = []
    faults = [] if is_sound else [unreadable(0, "Its bytes are not UTF-8.", "Save it as UTF-8.")]
    for line in _lines(text):
        option = _FILE_OPTION.fullmatch(line.text)
        if option is not None and (which := (option["short"] or option["long"])[0]) != "e":
            includes.append(Include(line.number, _path_of(option["value"]), which == "c"))
            continue
        if option is None and line.text.startswith("-"):
            continue
        found = read_requirement(option["value"] if option else line.text, line.number)
        if found is None:
            faults.append(
                unreadable(line.number, f"{line.text[:80]!r} is not a requirement.", "Correct it or delete it.")
            )
            continue
        requirements.append(found)
    return Facts(
        requirements=tuple(requirements),
        includes=tuple(includes),
        faults=tuple(faults),
    )


def unreadable(line: int, message: str, fix: str) -> Fault:
    """Return that a manifest says something that nobody can know."""
    return Fault("error", "unreadable-manifest", line, message, fix)


def read_requirement(text: str, line: int = 0, group: str = "") -> Requirement | None:
    """Return one requirement: a name, a path, an address, or ``name @ address``; None if it is none of them.

    Args:
        text: Without comments; markers and hashes may follow.
        line: Where it stands.
        group: The group or extra that it belongs to.
    """
    if _PLAIN.fullmatch(text):
        return Requirement(line, normalise(text), "", group)
    text = _HASHES.sub("", f" {text}").strip().strip("\"'")
    bare = text.partition(" ;")[0].strip()
    if _is_path(bare):
        named = _EGG.search(bare)
        return Requirement(line, normalise(named[1]) if named else "", _path_of(bare), group)
    if _REMOTE.match(bare) or bare.startswith("git+"):
        named = _EGG.search(bare)
        return Requirement(line, normalise(named[1]) if named else _of_archive(bare), "", group)
    match = _NAME.match(text)
    if match is None:
        return None
    name, rest = normalise(match[1]), match[2].lstrip()
    if rest.startswith("@"):
        address = rest[1:].partition(" ;")[0].strip()
        return Requirement(line, name, _path_of(address) if _is_path(address) else "", group)
    return Requirement(line, name, "", group)


def _is_path(text: str) -> bool:
    if text.startswith((".", "/", "file:", "\\", "${", "{root:", "~")):
        return True
    head = text.partition("[")[0].partition(" ")[0]
    if _REMOTE.match(text) or "@" in text:
        return False
    return "/" in head or "\\" in head or bool(_ARCHIVE.search(head))


def _path_of(text: str) -> str:
    """Return a path with ``/``; what stands before the project's own folder is left out."""
    path = text.strip().strip("\"'").partition("#")[0].partition(" ;")[0].strip()
    if path.endswith("]"):
        path = path.rpartition("[")[0]
    path = path.removeprefix("file:").replace("\\", "/")
    if path.startswith("//"):
        path = path[2:].removeprefix("localhost")
    if parents := _PARENT_VARIABLE.match(path.lstrip("/")):
        return "../" * parents[1].count("parent:") + path.lstrip("/")[parents.end() :] or "."
    shorter = _ROOT_VARIABLE.sub("", path)
    return (shorter or ".") if shorter != path else path


def _of_archive(address: str) -> str:
    """Return the name of a distribution whose archive is at an address; "" where the address does not tell."""
    file = address.partition("#")[0].partition("?")[0].rpartition("/")[2]
    name = file.partition("-")[0] if file.endswith(".whl") else ""
    return normalise(name)


def _lines(text: str) -> Iterator[Line]:
    """Yield the logical lines that say something."""
    pieces: list[str] = []
    start = 0
    for number, raw in enumerate(text.split("\n"), 1):
        if not pieces:
            start = number
        if raw.endswith("\\") and not _COMMENT.search(raw):
            pieces.append(raw[:-1])
            continue
        pieces.append(raw)
        yield from _line(start, "".join(pieces))
        pieces = []
    yield from _line(start, "".join(pieces))


def _line(number: int, raw: str) -> Iterator[Line]:
    if text := _COMMENT.sub("", raw).strip():
        yield Line(number, text)
