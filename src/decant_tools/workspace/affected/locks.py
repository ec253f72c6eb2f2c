"""What a changed lock file means: which packages are others now, and whose requirements reach them."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections import defaultdict, deque
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Node = tuple[str, str]
"""A package's normalised name and an extra of it; "" for the package without extras."""

TOML_LOCKS = ("poetry.lock", "pdm.lock", "pylock.toml")
"""Locks of one environment: whoever uses the file has every package in it."""

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*(.*)$")


class LockError(Exception):
    """A lock file that cannot be read; the message says where and why."""


class _Unknown(Exception):
    """A document of another form; the message says in which way."""


@dataclass(frozen=True)
class Lock:
    """The resolved packages of a lock file.

    Attributes:
        packages: What each package is resolved to, by its normalised name: version, source, hashes, markers.
        needs: What each package needs, by package and extra.
        members: The packages that are folders of this workspace, by folder relative to the lock; "" is the lock's own.
        tools: What a member needs beside what its own users get: its dependency groups and extras.
        unexplained: The packages of which a list of pins does not say who needs them.
    """

    packages: Mapping[str, object]
    needs: Mapping[Node, frozenset[Node]] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, frozenset[Node]] = field(default_factory=dict)
    unexplained: frozenset[str] = frozenset()


class Reached(NamedTuple):
    """A member whose requirements reach a changed package.

    Attributes:
        package: The changed package, one for all.
        spreads: Whether its users get the package, too.
    """

    package: str
    spreads: bool


def kind_of(path: str) -> str:
    """Return ``uv``, ``toml``, ``requirements`` or ""."""
    name = path.rpartition("/")[2]
    if name == "uv.lock":
        return "uv"
    if name in TOML_LOCKS or re.fullmatch(r"pylock\.[^.]+\.toml", name):
        return "toml"
    return "requirements" if re.fullmatch(r"(requirements|constraints)[\w.-]*\.(txt|lock)", name) else ""


def read_lock(path: str, content: bytes | None) -> Lock:
    """Return what a lock file or a list of requirements says; one that does not exist is empty.

    Raises:
        LockError: When it cannot be read.
    """
    if content is None:
        return Lock({})
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LockError(f"{path} is not UTF-8") from error
    if "\n<<<<<<< " in f"\n{text}":
        raise LockError(f"{path} has the marks of a merge conflict")
    if kind_of(path) not in {"uv", "toml"}:
        return _read_requirements(text)
    try:
        document = tomllib.loads(text)
        return _read_uv(document) if kind_of(path) == "uv" else _read_toml(document)
    except tomllib.TOMLDecodeError as error:
        raise LockError(f"{path}: {error}") from error
    except RecursionError as error:
        raise LockError(f"{path} is nested too deeply") from error
    except _Unknown as error:
        raise LockError(f"{path} is no lock file of a kind that is known here: {error}") from error


def changed_packages(old: Lock, new: Lock) -> frozenset[str]:
    """Return the names of packages that are resolved to something else, are new or are gone."""
    names = {*old.packages, *new.packages}
    return frozenset(name for name in names if old.packages.get(name) != new.packages.get(name))


def members_reached(lock: Lock, changed: frozenset[str]) -> dict[str, Reached]:
    """Return the members whose requirements reach a changed package, by folder.

    A member of the workspace that the lock itself lies in ("") reaches what it needs by itself: not what it needs only
    because another member does.
    """
    reaching = _reaching(lock, changed)
    found = {}
    inner = {name for folder, name in lock.members.items() if folder}
    for folder, name in lock.members.items():
        if folder == "":
            own = _walk(lock, [(name, "")], stop=inner)
            if package := _first(own, changed):
                found[folder] = Reached(package, spreads=True)
            elif package := _first(_walk(lock, sorted(lock.tools.get(name, ())), stop=inner), changed):
                found[folder] = Reached(package, spreads=False)
        elif package := reaching.get((name, "")):
            found[folder] = Reached(package, spreads=True)
        elif package := next((reaching[node] for node in sorted(lock.tools.get(name, ())) if node in reaching), None):
            found[folder] = Reached(package, spreads=False)
    return found


def wanted_of(lock: Lock, names: Iterable[str]) -> set[str]:
    """Return every package that some requirements reach."""
    return {name for name, _ in _walk(lock, [(name, "") for name in names], stop=())}


def _read_uv(document: dict[str, Any]) -> Lock:
    resolved: dict[str, list[object]] = defaultdict(list)
    needs: dict[Node, set[Node]] = defaultdict(set)
    tools: dict[str, set[Node]] = defaultdict(set)
    members: dict[str, str] = {}
    if "version" not in document:
        raise _Unknown("it has no version; `uv lock` writes one")
    if not isinstance(document["version"], int):
        raise _Unknown("its version is no whole number")
    for name, entry in _named(document, "package"):
        with _written_by_uv(entry["name"]):
            resolved[name].append(_identity(entry))
            needs[name, ""] |= _needs(entry.get("dependencies", []))
            for extra, wanted in entry.get("optional-dependencies", {}).items():
                needs[name, _normal(extra)] |= _needs(wanted) | {(name, "")}
                tools[name].add((name, _normal(extra)))
            for wanted in entry.get("dev-dependencies", {}).values():
                tools[name] |= _needs(wanted)
            source = entry.get("source", {})
            folder = source.get("editable", source.get("virtual", source.get("directory")))
            if isinstance(folder, str):
                members[posixpath.normpath(folder).removeprefix(".")] = name
    return Lock(
        {name: sorted(map(repr, entries)) for name, entries in resolved.items()},
        {node: frozenset(wanted) for node, wanted in needs.items()},
        members,
        {name: frozenset(wanted) for name, wanted in tools.items()},
    )


def _named(document: Mapping[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the packages of a lock with their normalised names."""
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _Unknown(f"{key} is no list of tables")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry.get("name"), str):
            raise _Unknown(f"package {number} has no name")
        yield _normal(entry["name"]), entry


@contextmanager
def _written_by_uv(name: str) -> Iterator[None]:
    """Tell of a package whose tables are not uv's: they are many, and a person is helped by the name alone."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _Unknown(f"package {name} is not written as uv does") from error


def _identity(entry: Mapping[str, Any]) -> object:
    """Return what makes a resolved package another one: not the address or the time of its files."""
    files = [*entry.get("wheels", []), *([entry["sdist"]] if "sdist" in entry else [])]
    hashes = sorted(str(file.get("hash", file.get("url", file.get("path")))) for file in files)
    rest = {key: value for key, value in entry.items() if key not in {"name", "wheels", "sdist", "metadata"}}
    return _ordered(rest), hashes


def _ordered(value: object) -> object:
    """Return a value of TOML in one form, whichever way it is written."""
    if isinstance(value, Mapping):
        return sorted((key, _ordered(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return sorted(map(repr, map(_ordered, value)))
    return value


def _needs(wanted: Iterable[Mapping[str, Any]]) -> set[Node]:
    found = set()
    for one in wanted:
        name = _normal(one["name"])
        found.add((name, ""))
        found.update((name, _normal(extra)) for extra in one.get("extra", ()))
    return found


def _read_toml(document: dict[str, Any]) -> Lock:
    key = "package" if "package" in document else "packages"
    if not {key, "metadata", "lock-version"} & document.keys():  # without packages it is a lock of nothing
        raise _Unknown("it lists no packages")
    resolved: dict[str, list[str]] = defaultdict(list)
    for name, entry in _named(document, key):
        resolved[name].append(repr(_ordered(entry)))
    return Lock({name: sorted(found) for name, found in resolved.items()})


def _read_requirements(text: str) -> Lock:
    resolved: dict[str, list[str]] = defaultdict(list)
    needs: dict[Node, set[Node]] = defaultdict(set)
    for line in _lines(text):
        found = _PIN.match(line)
        if found is None or line.startswith("-"):
            resolved[""].append(line)  # an option, an address: it is about every package
        else:
            name = _normal(found[1])
            resolved[name].append(f"[{found[2] or ''}] {' '.join(sorted(found[3].split()))}")
    explained, doubtful = set(), set()
    for package, user in _users(text):
        explained.add(package)
        if user:
            needs[user, ""].add((package, ""))
        elif user is None:
            doubtful.add(package)
    return Lock(
        {name: sorted(lines) for name, lines in resolved.items()},
        {node: frozenset(wanted) for node, wanted in needs.items()},
        unexplained=(frozenset(resolved) - {""} - explained) | doubtful,
    )


def _users(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield each package and who needs it, as the comments of pip-compile and uv say.

    That is "" for a file that asks for it, and None for what may be anybody.
    """
    package, inside = "", False
    for line in text.splitlines():
        bare = line.strip()
        if bare and not bare.startswith(("#", "-")) and (found := _PIN.match(bare)):
            package, inside = _normal(found[1]), False
        if "# via" in line:
            inside = True
            user = line.partition("# via")[2]
        elif inside and bare.startswith("#"):
            user = bare.removeprefix("#")
        else:
            continue
        for one in filter(None, map(str.strip, user.split(","))):
            is_package = re.fullmatch(r"[A-Za-z0-9][\w.-]*(\[[^\]]*\])?", one)
            yield package, _normal(one.partition("[")[0]) if is_package else "" if one.startswith("-") else None


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a requirements file, joined where they go on, without comments."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if bare:
            yield " ".join(bare.split())


def _reaching(lock: Lock, changed: frozenset[str]) -> dict[Node, str]:
    """Return every package that a changed one is reached from, and which one that is."""
    users: dict[Node, set[Node]] = defaultdict(set)
    for node, wanted in lock.needs.items():
        for other in wanted:
            users[other].add(node)
    nodes = {*lock.needs, *users}
    found = {node: node[0] for node in sorted(nodes) if node[0] in changed}
    layer = list(found)
    while layer:
        following = []
        for node in layer:
            for user in sorted(users.get(node, ())):
                if user not in found:
                    found[user] = found[node]
                    following.append(user)
        layer = following
    return found


def _walk(lock: Lock, first: Sequence[Node], stop: Container[str]) -> Iterator[Node]:
    """Yield some packages and what they reach, without the packages to stop at."""
    seen, waiting = set(first), deque(node for node in first if node[0] not in stop)
    while waiting:
        node = waiting.popleft()
        yield node
        for other in sorted(lock.needs.get(node, ())):
            if other not in seen and other[0] not in stop:
                seen.add(other)
                waiting.append(other)


def _first(nodes: Iterable[Node], changed: frozenset[str]) -> str | None:
    return next((name for name, _ in nodes if name in changed), None)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
