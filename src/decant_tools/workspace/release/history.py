"""What git remembers: the commits since a tag with their files, and the tags that are versions."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from decant_tools.workspace.release.conventional import OWN_TYPE, Message, parse_message
from decant_tools.workspace.release.semver import Version, parse_version

if TYPE_CHECKING:
    from decant_tools.workspace.git import Git

_START = re.compile(r"\x01([0-9a-f]{40,64})\x02")
_END = "\x03"
_LOG = ("log", "-z", "-c", "--no-renames", "--relative", "--name-only", "--format=%x01%H%x02%B%x03")
_MARK = "-v"


class Commit(NamedTuple):
    """A commit that changed files of the workspace.

    Attributes:
        id: Its name.
        message: What it says.
        paths: The files it changed; of a merge, those that differ from all of its parents.
    """

    id: str
    message: Message
    paths: tuple[str, ...]

    @property
    def subject(self) -> str:
        """Its first line, as it was written as far as that matters."""
        scope = f"({self.message.scope})" if self.message.scope else ""
        mark = "!" if self.message.breaking else ""
        return f"{self.message.type}{scope}{mark}: {self.message.text}" if self.message.type else self.message.text


class Tag(NamedTuple):
    """A tag that is a project's version.

    Attributes:
        name: ``orders-v1.4.0``.
        version: ``1.4.0``.
        commit: What it points to.
    """

    name: str
    version: Version
    commit: str


def tag_name(label: str, version: Version | str) -> str:
    """Return the tag of a project's version.

    Args:
        label: What tags call the project.
        version: The version.
    """
    return f"{label}{_MARK}{version}"


def version_tags(git: Git, labels: Collection[str]) -> dict[str, Tag]:
    """Return each project's version: the highest one of the tags that ``HEAD`` can reach.

    Args:
        git: The repository.
        labels: What tags call the projects.
    """
    found: dict[str, Tag] = {}
    if git.head is None:
        return found
    rows = git.run("for-each-ref", "--merged=HEAD", f"--format={_TAG_FORMAT}", "refs/tags")
    for row in os.fsdecode(rows).splitlines():
        name, commit, peeled = row.split(" ")
        label, version = _read(name, labels)
        if version is None:
            continue
        known = found.get(label)
        if known is None or known.version.precedence < version.precedence:
            found[label] = Tag(name, version, peeled or commit)
    return found


_TAG_FORMAT = "%(refname:strip=2) %(objectname) %(*objectname)"


def _read(name: str, labels: Collection[str]) -> tuple[str, Version | None]:
    """Return whose version a tag is: the project with the longest name, for ``a-v1.0.0`` may be a project as well."""
    places = [match.start() for match in re.finditer(_MARK, name)]
    for place in reversed(places):
        version = parse_version(name[place + len(_MARK) :])
        if name[:place] in labels and version is not None:
            return name[:place], version
    return "", None


class History:
    """The commits before ``HEAD``, read once.

    Args:
        git: The repository.
        since: The commits from which on somebody wants to know; "" is from the beginning.
    """

    def __init__(self, git: Git, since: Iterable[str]) -> None:
        self._git = git
        wanted = set(since)
        self._commits = _log(git, self._start(wanted)) if wanted and git.head else []
        self._after: dict[str, tuple[Commit, ...]] = {}

    def _start(self, wanted: set[str]) -> str:
        """Return the newest commit that is before all wanted ones, or ""."""
        if "" in wanted:
            return ""
        return self._git.ask("merge-base", "--octopus", *sorted(wanted)) or ""

    def after(self, commit: str) -> tuple[Commit, ...]:
        """Return what came after a commit, newest first, without the commits that releases made.

        Args:
            commit: One of ``since``.
        """
        if commit not in self._after:
            self._after[commit] = tuple(self._read(commit))
        return self._after[commit]

    def _read(self, commit: str) -> list[Commit]:
        if not commit:
            return self._commits
        ids = set(self._git.run("rev-list", "HEAD", f"^{commit}", "--").decode("ascii").split())
        return [each for each in self._commits if each.id in ids]


def _log(git: Git, start: str) -> list[Commit]:
    revisions = ["HEAD", *([f"^{start}"] if start else [])]
    output = os.fsdecode(git.run(*_LOG, *revisions, "--", "."))
    parts = _START.split(output)[1:]
    commits = (_commit(name, rest) for name, rest in zip(parts[::2], parts[1::2], strict=True))
    return [commit for commit in commits if commit.paths and commit.message.type != OWN_TYPE]


def _commit(name: str, rest: str) -> Commit:
    message, _, paths = rest.partition(_END)
    return Commit(name, parse_message(message), tuple(path for path in paths.removeprefix("\0\n").split("\0") if path))


def labels_of(projects: Iterable[tuple[str, str, str]]) -> Mapping[str, str]:
    """Return what tags call each project: its name, with its kind before it where the name is another one's already.

    Args:
        projects: Id, kind and name of each.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for project, kind, name in sorted(projects, key=lambda each: (_RANK[each[1]], each[2])):
        found[project] = f"{kind}/{name}" if name in taken else name
        taken.add(name)
    return found


_RANK = {"service": 0, "lib": 1, "module": 2}
