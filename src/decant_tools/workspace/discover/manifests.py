"""What a project's own manifest says about its name and where its packages lie; nothing of it is executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from decant_tools.workspace.facts.toml import broken_line, parse_toml


class Manifest(NamedTuple):
    """One ``pyproject.toml``, ``setup.cfg`` or ``setup.py``.

    Attributes:
        name: The distribution's normalised name (PEP 503), or "".
        bases: Folders relative to the project that hold its packages, where it names any.
        members: Globs of the members of a uv workspace, or None where it is none.
        exclude: Globs of folders that are no members.
        is_broken: Whether it cannot be read.
        line: Where it is broken, counted from 1; 0 where that is not known.
    """

    name: str = ""
    bases: tuple[str, ...] = ()
    members: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    is_broken: bool = False
    line: int = 0


FILES = ("pyproject.toml", "setup.cfg", "setup.py")
"""Where a distribution's name may stand, the first that has one wins."""

_NAMES = (("project", "name"), ("tool", "poetry", "name"), ("tool", "flit", "metadata", "dist-name"),
          ("tool", "flit", "metadata", "module"))  # fmt: skip
_SETUP_NAME = re.compile(r"^\s*name\s*=\s*([^\s#;]+)\s*$", re.MULTILINE)
_CALL_NAME = re.compile(r"""\bname\s*=\s*["']([^"'\n]+)["']""")
_SETUP_BASE = re.compile(r"^(?:\s*|package_dir\s*|where\s*)=\s*([^\s#;=]+)\s*$", re.MULTILINE)
_CALL_BASE = re.compile(r"""\bpackage_dir\s*=\s*\{\s*["']{2}\s*:\s*["']([^"'\n]+)["']""")


def read_manifest(path: str, content: bytes) -> Manifest:
    """Read one manifest: a pure function of the file's name and content.

    Args:
        path: Where it lies; only its last part counts.
        content: What it holds.
    """
    text = content.decode("utf-8-sig", "replace")
    kind = path.rpartition("/")[2]
    if kind == "pyproject.toml":
        try:
            return _pyproject(parse_toml(text))
        except (ValueError, RecursionError) as error:
            return Manifest(is_broken=True, line=broken_line(error, text))
    if kind == "setup.cfg":
        metadata = text.partition("[metadata]")[2].partition("\n[")[0]
        options = text.partition("[options")[2]
        return Manifest(_name_by(_SETUP_NAME, metadata), _bases_by(_SETUP_BASE, options))
    return Manifest(_name_by(_CALL_NAME, text), _bases_by(_CALL_BASE, text))


def normalise(name: object) -> str:
    """Return a distribution's name as indexes compare it (PEP 503); "" for what is no text."""
    return re.sub(r"[-_.]+", "-", name).lower().strip() if isinstance(name, str) else ""


def _name_by(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return normalise(found[1]) if found else ""


def _bases_by(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = (base.removeprefix("./").strip("/") for base in pattern.findall(text))
    return tuple(dict.fromkeys(base for base in found if _is_inside(base)))


def _pyproject(data: Mapping[str, Any]) -> Manifest:
    workspace = _get(data, "tool", "uv", "workspace")
    is_workspace = isinstance(workspace, dict)
    return Manifest(
        normalise(next(filter(None, (_get(data, *keys) for keys in _NAMES)), "")),
        tuple(dict.fromkeys(base.strip("/") for base in _bases(data) if _is_inside(base))),
        _texts(_get(workspace, "members")) if is_workspace else None,
        _texts(_get(workspace, "exclude")) if is_workspace else (),
    )


def _bases(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the usual build backends are told to look for packages."""
    yield from _texts(_get(data, "tool", "setuptools", "packages", "find", "where"))
    packages = _get(data, "tool", "setuptools", "package-dir", "")
    yield from (packages,) if isinstance(packages, str) else ()
    for path in _texts(_get(data, "tool", "hatch", "build", "targets", "wheel", "packages")):
        yield path.rstrip("/").rpartition("/")[0]
    poetry = _get(data, "tool", "poetry", "packages")
    for each in poetry if isinstance(poetry, list) else ():
        base = _get(each, "from")
        yield from (base,) if isinstance(base, str) else ()
    base = _get(data, "tool", "uv", "build-backend", "module-root")
    yield from (base,) if isinstance(base, str) else ()


def _get(data: Any, *keys: str) -> Any:
    """Return a value of nested tables, or None where one of them is missing or something else."""
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _is_inside(base: str) -> bool:
    return base not in {"", "."} and not base.startswith("/") and ".." not in base.split("/")


def is_member(path: str, manifest: Manifest) -> bool:
    """Return whether a folder belongs to the uv workspace of a manifest."""
    return _matches(path, manifest.members or ()) and not _matches(path, manifest.exclude)


def _matches(path: str, globs: tuple[str, ...]) -> bool:
    return any(glob_pattern(glob).fullmatch(path) for glob in globs)


_PATTERNS: dict[str, re.Pattern[str]] = {}


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return a glob as a pattern: ``*`` and ``?`` stay within a folder, ``**`` is any number of folders."""
    if glob not in _PATTERNS:
        parts = [part for part in glob.split("/") if part not in {"", "."}]
        text = "/".join(map(_part, parts)).replace("(?:.*/)?/", "(?:.*/)?")
        _PATTERNS[glob] = re.compile(re.sub(r"\(\?:\.\*/\)\?$", ".*", text), re.DOTALL)
    return _PATTERNS[glob]


def _part(part: str) -> str:
    if part == "**":
        return "(?:.*/)?"
    return "".join(map(_piece, re.findall(r"\[[^\]]+\]|.", part, re.DOTALL)))


def _piece(piece: str) -> str:
    simple = {"*": "[^/]*", "?": "[^/]"}
    if piece in simple:
        return simple[piece]
    if len(piece) > 2:
        inner = piece[1:-1].replace("\\", "\\\\")
        return f"[^{inner[1:]}]" if inner.startswith(("!", "^")) else f"[{inner}]"
    return re.escape(piece)


ReadManifests = Callable[[list[str]], Mapping[str, Manifest]]
"""Returns the manifests of paths, for instance those that a cache knows already."""
