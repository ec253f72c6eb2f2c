"""Where each project stands: its version, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from decant.errors import CommandError
from decant_tools.workspace.release.conventional import Level
from decant_tools.workspace.release.history import Commit, History, Tag, labels_of, version_tags
from decant_tools.workspace.release.manifest import static_version
from decant_tools.workspace.release.semver import FIRST, Version, parse_version
from decant_tools.workspace.release.touch import Touched, reach

if TYPE_CHECKING:
    from decant_tools.workspace.git import Git
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.view import View

_LEVELS: tuple[Level, ...] = ("none", "fix", "feature", "breaking")


@dataclass(frozen=True, slots=True)
class Standing:
    """A project, its version and what came after it.

    Attributes:
        project: The project.
        label: What its tags begin with.
        tag: The tag of its version, or None where it has none yet.
        own: Commits since then that changed its own files, those of its modules, and what it declares; newest first.
        needs: The ids of the projects with versions that it depends on directly.
        behind: By id, of ``needs``: the commits since its own version that changed that project or what it needs.
        stated: The static version in its ``pyproject.toml``, or None.
    """

    project: Project
    label: str
    tag: Tag | None
    own: tuple[Commit, ...]
    needs: tuple[str, ...]
    behind: Mapping[str, tuple[Commit, ...]]
    stated: Version | None

    @property
    def version(self) -> Version:
        """Its version; 0.1.0 where it has none yet."""
        return self.tag.version if self.tag else FIRST

    @property
    def commits(self) -> tuple[Commit, ...]:
        """All commits that touch it, its own first, each once."""
        return tuple(commit for commit, _ in self.reasons)

    @property
    def reasons(self) -> tuple[tuple[Commit, str], ...]:
        """All commits that touch it, each with the id of the project through which it does; its own first, with ""."""
        found = {commit.id: (commit, "") for commit in self.own}
        for need, commits in self.behind.items():
            for commit in commits:
                found.setdefault(commit.id, (commit, need))
        return tuple(found.values())

    @property
    def level(self) -> Level:
        """The most that its own commits do."""
        return highest(self.own)


def highest(commits: Iterable[Commit]) -> Level:
    """Return the most that some commits do; ``none`` for no commits."""
    return max((commit.message.level for commit in commits), key=_LEVELS.index, default="none")


def standings(view: View) -> dict[str, Standing]:
    """Return where each project stands, by id: services, libs, and modules that have tags of their own.

    Raises:
        GitError: When git cannot answer.
    """
    projects = view.graph.projects
    labels = labels_of((project.id, project.kind, project.name) for project in projects.values())
    git = view.git
    tags = version_tags(git, set(labels.values())) if git else {}
    versioned = {
        key: tags.get(labels[key])
        for key, project in projects.items()
        if project.kind != "module" or labels[key] in tags
    }
    return _Standings(view, git, labels, versioned).all()


class _Standings:
    def __init__(self, view: View, git: Git | None, labels: Mapping[str, str], tags: Mapping[str, Tag | None]) -> None:
        self._view = view
        self._labels = labels
        self._tags = tags
        self._touched_by = Touched(view)
        self._reaches = {key: reach(view.graph, key, tags.keys()) for key in tags}
        self._history = History(git, {self._since(key) for key in tags}) if git else None
        self._stated = _stated(view, tags)
        self._bits = {key: 1 << number for number, key in enumerate(self._reaches)}
        self._users = self._users_of_nodes()
        self._masks: dict[str, int] = {}
        self._found: dict[tuple[int, str], tuple[Commit, ...]] = {}

    def all(self) -> dict[str, Standing]:
        return {key: self._standing(key) for key in sorted(self._tags)}

    def _since(self, key: str) -> str:
        tag = self._tags[key]
        return tag.commit if tag else ""

    def _standing(self, key: str) -> Standing:
        since, needs = self._since(key), self._reaches[key].needs
        behind = {need: self._touching(self._below(need), since) for need in needs}
        return Standing(
            self._view.graph.projects[key],
            self._labels[key],
            self._tags[key],
            self._touching(self._bits[key], since),
            needs,
            {need: found for need, found in behind.items() if found},
            self._stated.get(key),
        )

    def _users_of_nodes(self) -> dict[str, int]:
        """Return which projects consist of each node, as a set of bits: there may be a thousand of them."""
        found: dict[str, int] = {}
        for key, each in self._reaches.items():
            for node in each.own:
                found[node] = found.get(node, 0) | self._bits[key]
        return found

    @cache  # noqa: B019 - lives as long as one answer
    def _below(self, key: str) -> int:
        """Return a project and all that it needs, in any number of steps."""
        found = {key}
        left = [key]
        while left:
            new = set(self._reaches[left.pop()].needs) - found
            found |= new
            left += new
        return sum(self._bits[each] for each in found)

    def _touching(self, projects: int, since: str) -> tuple[Commit, ...]:
        asked = (projects, since)
        if asked not in self._found:
            masked = self._masked(since)
            self._found[asked] = tuple(commit for mask, commit in masked if projects & mask)
        return self._found[asked]

    @cache  # noqa: B019 - lives as long as one answer
    def _masked(self, since: str) -> list[tuple[int, Commit]]:
        """Return what came after a commit, each with the projects that it touches by themselves."""
        return [(self._mask(commit), commit) for commit in (self._history.after(since) if self._history else ())]

    def _mask(self, commit: Commit) -> int:
        """Return the projects that a commit touches by themselves."""
        mask = self._masks.get(commit.id)
        if mask is None:
            mask = 0
            for node in self._touched_by.by(commit):
                mask |= self._users.get(node, 0)
            self._masks[commit.id] = mask
        return mask


def _stated(view: View, ids: Iterable[str]) -> dict[str, Version | None]:
    """Return the static versions of projects with a ``pyproject.toml`` of their own."""
    paths = {key: manifest_path(view.graph.projects[key]) for key in ids}
    texts = view.tree.read_many({path for path in paths.values() if path in view.tree.files})
    found = {
        key: static_version(texts[path].decode("utf-8", "replace")) for key, path in paths.items() if path in texts
    }
    return {key: parse_version(version) for key, version in found.items() if version is not None}


def manifest_path(project: Project) -> str:
    """Return where a project's ``pyproject.toml`` is; that of a service of modules is nobody's."""
    if project.modules:
        return ""
    return f"{project.path}/pyproject.toml" if project.path else "pyproject.toml"


def choose(found: Mapping[str, Standing], names: Iterable[str]) -> dict[str, Standing]:
    """Return the projects that some names mean: a name, or ``kind:name``; all of them for no names.

    Raises:
        CommandError: Exit code 4, for a name that nothing with a version has.
    """
    from decant.settings.suggest import suggest

    wanted: set[str] = set()
    for name in names:
        matching = {
            key for key, each in found.items() if name in {key, each.project.name, each.label, each.project.path}
        }
        if not matching:
            known = sorted({each.project.name for each in found.values()})
            raise CommandError(f"No service or lib is called {name!r}.", hint=suggest(name, known), exit_code=4)
        wanted |= matching
    return {key: each for key, each in found.items() if key in wanted} if wanted else dict(found)
