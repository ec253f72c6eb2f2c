"""Lock files: which packages they resolve, and what each of them needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from decant_tools.workspace.facts.digest import digest
from decant_tools.workspace.facts.model import Facts, Fault, Locked
from decant_tools.workspace.facts.names import normalise
from decant_tools.workspace.facts.text import decode

_HEADER = re.compile(r"^\[\[package\]\]\n", re.MULTILINE)
_NAME = re.compile(r'^name = "([^"\\]+)"\n', re.MULTILINE)
_VERSION = re.compile(r'^version = "([^"\\]+)"\n', re.MULTILINE)
_FOLDER = re.compile(r'^source = \{ (?:editable|virtual|directory) = "([^"\\]*)" \}', re.MULTILINE)
_NEED = re.compile(r'\{ name = "([^"\\]+)"')
_CONFLICTS = re.compile(r"^(?:<{7}|={7}|>{7})", re.MULTILINE)


def read_lock(content: bytes) -> Facts:
    """Return the packages of ``uv.lock``, ``poetry.lock``, ``pdm.lock`` or ``pylock.toml``."""
    text, is_sound = decode(content)
    if not is_sound or _CONFLICTS.search(text):
        return _unreadable("This lock file cannot be read.")
    blocks = _HEADER.split(text)
    if len(blocks) > 1 and text.startswith("version = "):  # written by uv, always alike: 30 times as fast as a parser
        found = [_uv(block) for block in blocks[1:]]
        if all(found):
            return Facts(locked=tuple(package for package in found if package))
    return _parsed(text)


def _unreadable(message: str) -> Facts:
    return Facts(faults=(Fault("error", "unreadable-lock", 0, message, "Lock again."),))


def _uv(block: str) -> Locked | None:
    name = _NAME.search(block)
    if name is None:
        return None
    needs, _, _ = block.partition("\n[package.metadata")
    version, folder = _VERSION.search(block), _FOLDER.search(block)
    return Locked(
        normalise(name[1]),
        version[1] if version else "",
        tuple(sorted({normalise(need) for need in _NEED.findall(needs)})),
        digest(block.strip()),
        folder[1] if folder else "",
    )


def _parsed(text: str) -> Facts:
    import tomllib

    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return _unreadable(f"This lock file is not valid TOML: {error}.")
    packages = data.get("package", data.get("packages", []))
    return Facts(locked=tuple(_packages(packages if isinstance(packages, list) else [])))


def _packages(packages: list[Any]) -> Iterator[Locked]:
    for package in packages:
        name = package.get("name") if isinstance(package, Mapping) else None
        if isinstance(name, str):
            version = package.get("version")
            source = package.get("source")
            folder = source.get("url", "") if isinstance(source, Mapping) and source.get("type") == "directory" else ""
            yield Locked(
                normalise(name),
                version if isinstance(version, str) else "",
                tuple(sorted(set(_needs(package.get("dependencies"))))),
                digest(repr(sorted(package.items(), key=repr))),
                folder if isinstance(folder, str) else "",
            )


def _needs(value: object) -> Iterator[str]:
    """Yield the names of dependencies: a table by name (Poetry), a list of strings (PDM) or of tables (PEP 751)."""
    for item in value if isinstance(value, (list, Mapping)) else ():
        name = item.get("name") if isinstance(item, Mapping) else item
        match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) if isinstance(name, str) else None
        if match:
            yield normalise(match[0])
