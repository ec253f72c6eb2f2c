"""Which files a project needs, and no others."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from decant_tools.workspace.affected.globs import matches
from decant_tools.workspace.affected.owners import Owners
from decant_tools.workspace.git import LINK, SUBMODULE
from decant_tools.workspace.model import file_node
from decant_tools.workspace.prune.images import context_of, dockerfile_of, sources_of
from decant_tools.workspace.prune.shared import Shared, take_requirements, take_uv_workspace
from decant_tools.workspace.prune.sieve import is_made, is_secret, needed_after_all, tests_among

if TYPE_CHECKING:
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.view import View

CONFIG = "decant.toml"
EVERYTHING = file_node("./")
"""The node of ``COPY . .``: that is meant to copy what the pruned workspace holds."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a project needs of its workspace.

    Attributes:
        project: The project.
        files: The paths of all files, sorted.
        changed: Those of them whose content is reduced, with the new content.
        notes: What a person should know.
        context: The folder that the project's Dockerfile is built from, "" for the workspace's root.
        dockerfile: The path of that Dockerfile, or None.
    """

    project: Project
    files: tuple[str, ...]
    changed: Mapping[str, bytes]
    notes: tuple[str, ...]
    context: str = ""
    dockerfile: str | None = None


def prune_project(view: View, project: Project, *, with_tests: bool = False) -> Pruned:
    """Return what a project needs: its folder, what it depends on, and the shared files of those.

    Args:
        view: The workspace.
        project: The project.
        with_tests: Whether tests stay.
    """
    return _Pruner(view, project, with_tests=with_tests).prune()


class _Pruner:
    def __init__(self, view: View, project: Project, *, with_tests: bool) -> None:
        self.view = view
        self.tree = view.tree
        self.graph = view.graph
        self.project = project
        self.with_tests = with_tests
        self.owners = Owners(each for each in self.graph.projects.values() if not each.modules)
        self.shared = Shared()
        self.secrets: set[str] = set()

    @cached_property
    def nodes(self) -> set[str]:
        """The closure, with the contracts of modules that are hosted elsewhere: what a service imports of them."""
        nodes = self.reach({self.project.id})
        modules = [each for each in self.graph.projects.values() if each.kind == "module" and each.id not in nodes]
        if not any(self.graph.projects[node].modules for node in nodes & self.graph.projects.keys()):
            return nodes
        files = [f"{module.path}/{name}" for module in modules for name in ("__init__.py", "api.py", "api/__init__.py")]
        return self.reach({*nodes, *(file_node(path) for path in files if path in self.tree.files)})

    def reach(self, nodes: set[str]) -> set[str]:
        found = set(nodes)
        left = list(nodes)
        while left:
            targets = {edge.target for edge in self.graph.out_of.get(left.pop(), ())} - found - {EVERYTHING}
            found |= targets
            left += targets
        return found

    @cached_property
    def projects(self) -> list[Project]:
        return [self.graph.projects[node] for node in sorted(self.nodes & self.graph.projects.keys())]

    def prune(self) -> Pruned:
        found = {path for path in self.closure() if path in self.tree.files}
        found |= self.declared()
        dockerfile = dockerfile_of(self.project, self.tree.files)
        context = ""
        if dockerfile:
            sources = sources_of(self.tree, dockerfile)
            context = context_of(self.project, sources, self.tree.files)
            self.shared.files |= self.copied(sources, context)
            self.warn_of(context)
        take_uv_workspace(self.tree, [each.path for each in self.projects], self.shared)
        take_requirements(self.tree, found, self.is_ours, self.shared)
        found = self.without_strays(found | self.shared.files)
        changed = {path: content for path, content in self.shared.changed.items() if path in found}
        return Pruned(self.project, tuple(sorted(found)), changed, tuple(self.shared.notes), context, dockerfile)

    def closure(self) -> Iterator[str]:
        """Yield the files of the projects and the single files that are needed."""
        prefix = file_node("")
        yield from (node.removeprefix(prefix) for node in self.nodes if node.startswith(prefix))
        folders = {each.id for each in self.projects if not each.modules}
        yield from (path for path in self.tree.files if any(each.id in folders for each in self.owners.of(path)))
        if any(each.modules for each in self.projects):
            yield from self.settings()

    def settings(self) -> Iterator[str]:
        """Yield what every service of modules reads at its start; what it ships besides is in the graph."""
        yield from (path for path in self.tree.files if path == CONFIG or matches(path, ["decant.*.toml"]))
        parts = self.view.discovery.package_path.split("/")
        yield from ("/".join([*parts[:number], "__init__.py"]) for number in range(1, len(parts) + 1))

    def declared(self) -> set[str]:
        extras = self.view.discovery.config.extras
        globs = [glob for each in self.projects if each.id in extras for glob in extras[each.id].files]
        return {path for path in self.tree.files if matches(path, globs)} if globs else set()

    def copied(self, sources: Iterable[str], context: str) -> set[str]:
        """Return what the Dockerfile copies from outside of all projects; the projects it copies are in the closure."""
        if context:
            return set()
        globs = [source for source in sources if source != "." and not source.startswith("*")]
        return {path for path in self.tree.files if matches(path, globs) and not self.owners.of(path)}

    def warn_of(self, context: str) -> None:
        """Note what an image that is built from the project's folder does not hold."""
        outside = [each.path for each in self.projects if context and not f"{each.path}/".startswith(f"{context}/")]
        if outside:
            self.shared.notes.append(
                f"the Dockerfile is written for {context}, so an image has nothing of {_some(outside)}."
            )

    def is_ours(self, path: str) -> bool:
        owners = self.owners.of(path)
        return not owners or any(each in self.projects for each in owners)

    def without_strays(self, found: set[str]) -> set[str]:
        found = self.without_secrets({path for path in found if not is_made(path)})
        if not self.with_tests:
            tests = tests_among({path: self.inside(path) for path in found})
            found -= tests
            found |= set(needed_after_all(tests, found, self.tree.read))
        modules = {path for path in found if self.tree.modes.get(path) == SUBMODULE}
        if modules:
            self.shared.notes.append(f"left out, for they are submodules: {_some(modules)}.")
        found = self.with_targets(found - modules)
        if self.secrets:
            self.shared.notes.insert(0, f"left out, for they may hold secrets: {_some(self.secrets)}.")
        return found

    def without_secrets(self, paths: set[str]) -> set[str]:
        secrets = {path for path in paths if is_secret(path, self.tree.read)}
        self.secrets |= secrets
        return paths - secrets

    def inside(self, path: str) -> str:
        owner = next(iter(self.owners.of(path)), None)
        return path[len(owner.path) + 1 :] if owner is not None and owner.path else path

    def with_targets(self, found: set[str]) -> set[str]:
        """Add what links lead to."""
        left = [path for path in found if self.tree.modes.get(path) == LINK]
        while left:
            path = left.pop()
            target = self.tree.read(path).decode("utf-8", "surrogateescape")
            where = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            if target.startswith("/") or where.startswith(".."):
                self.shared.notes.append(f"{path} is a link that leads out of the workspace, to {target}.")
                continue
            added = {each for each in self.tree.files if each == where or each.startswith(f"{where}/")} - found
            added = self.without_secrets({each for each in added if not is_made(each)})
            left += [each for each in added if self.tree.modes.get(each) == LINK]
            found |= added
        return found


def _some(paths: Iterable[str]) -> str:
    ordered = sorted(paths)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more
