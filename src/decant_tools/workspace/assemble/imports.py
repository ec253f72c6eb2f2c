"""Where imports lead: a file of the same project, a lib, another module's contract."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import SUFFIXES, Files
from decant_tools.workspace.assemble.roles import Roles
from decant_tools.workspace.model import EdgeKind, Project, file_node

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import Facts, Import


_NO_NAMES = sys.stdlib_module_names | {"__init__", "__main__", "conftest", "setup"}
"""What no file that lies anywhere is meant by."""

_NONE: AbstractSet[str] = frozenset()


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


class Place(NamedTuple):
    """How far a dotted name leads from a folder.

    Attributes:
        steps: How many of its parts were found.
        files: The files that are executed on the way, packages' ``__init__`` first.
        last: The files that the last part names.
        folder: The folder that the last part names, or None where it names none.
        is_whole: Whether all parts were found.
    """

    steps: int
    files: tuple[str, ...]
    last: tuple[str, ...]
    folder: str | None
    is_whole: bool = True


class Scope(NamedTuple):
    """From where a file's imports are looked up.

    Attributes:
        roots: Folders, in this order; the first in which all is found hides what others offer.
        tops: The first parts of names that lead anywhere there.
    """

    roots: tuple[str, ...]
    tops: frozenset[str]


class Imports:
    """Follows the imports of a workspace.

    Args:
        edges: Where edges are added.
        files: The workspace.
        facts: What its files say.
        roots: Folders that imports of a project start from besides those that it has, by its id.
    """

    def __init__(
        self, edges: Edges, files: Files, facts: Mapping[str, Facts], roots: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._edges = edges
        self._files = files
        self._facts = facts
        self._roots = roots
        self._roles = Roles(facts, self.last_files)
        self._offers: dict[str, list[tuple[Project, str]]] = defaultdict(list)
        for project in files.projects.values():
            for dotted, where in project.packages:
                self._offers[dotted].append((project, where))
            built = project.distribution.replace("-", "_")
            if project.kind == "lib" and built and all(built != dotted for dotted, _ in project.packages):
                self._offers[built].append((project, project.path))  # its package is made when it is built
        base = files.package_path.rpartition("/")[0] if files.package_path else ""
        self._shared = tuple(dict.fromkeys(("", base)))
        self._common = frozenset(
            {dotted.partition(".")[0] for dotted in self._offers}
            | {name for root in self._shared for name in files.python.get(root, ())}
        )
        self._beside, self._stray = self._by_first_name()
        self._common |= self._beside.keys() | self._stray.keys() | {path.rpartition("/")[2] for path in files.links}
        self._scopes: dict[str, Scope] = {}
        self._walked: dict[tuple[str, str], Place] = {}
        self._inits: dict[str, tuple[str, ...]] = {}

    def _by_first_name(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Return by first names the folders that a program may have put on its path, of which nothing else tells.

        Those that projects lie in, by the projects' folders; and those of Python files that are in no project.
        """
        beside: dict[str, list[str]] = defaultdict(list)
        for project in self._files.projects.values():
            home, _, name = project.path.rpartition("/")
            if project.kind != "module" and not project.modules and project.path in self._files.python:
                beside[name].append(home)
        stray: dict[str, list[str]] = defaultdict(list)
        package = self._files.package_path
        for folder, names in self._files.python.items():
            if (
                folder
                and self._files.owner(folder) is None
                and not (package and f"{folder}/".startswith(f"{package}/"))
            ):
                for name in names - _NO_NAMES:
                    stray[name].append(folder)
        return beside, stray

    def add(self) -> None:
        """Add the edges of every file of a project, and of every file in none that is reached from there."""
        waiting: list[str] = []
        for path in sorted(self._facts):
            said = self._facts[path]
            if not said.imports:
                continue
            owner = self._files.owner(path)
            if owner is None:
                waiting.append(path)
            else:
                self._add(path, said, owner)
        self._add_conftests([path for path in waiting if path.rpartition("/")[2] == "conftest.py"])
        left = {file_node(path): path for path in waiting}
        while found := [node for node in left if node in self._edges.reached]:
            for node in found:
                path = left.pop(node)
                self._add(path, self._facts[path], None)

    def _add(self, path: str, said: Facts, owner: Project | None) -> None:
        node = self._files.node(path)
        for target, kind, line in self._leads(path, said, owner):
            self._edges.add(node, target, kind, path, line)

    def _add_conftests(self, paths: list[str]) -> None:
        """Add who uses each ``conftest.py`` in no project that leads anywhere: pytest reads it for all tests below.

        The tests of modules are not told apart from those of the whole: they have no edge to what imports all of them.
        """
        leading = [path for path in paths if any(self._leads(path, self._facts[path], None))]
        if not leading:
            return
        tested = {owner.id for path in self._files.paths if _is_test(path) and (owner := self._files.owner(path))}
        for path in leading:
            for project in self._files.projects_below(path.rpartition("/")[0]):
                if project.kind != "module" and project.id in tested:
                    self._edges.add(project.id, file_node(path), "import", path)

    def _leads(self, path: str, said: Facts, owner: Project | None) -> Iterator[tuple[str, EdgeKind, int]]:
        """Yield the nodes that a file's imports lead to, how, and in which line."""
        scope = self._scope(path, owner)
        for each in said.imports:
            top = each.module.partition(".")[0]
            if not top or top in self._common or top in scope.tops:
                yield from ((target, kind, each.line) for target, kind in self._targets(path, scope, each))

    def _targets(self, path: str, scope: Scope, each: Import) -> Iterator[tuple[str, EdgeKind]]:
        """Yield the nodes that an import leads to, and how."""
        last: dict[str, None] = {}
        for place in self._places(path, scope, each):
            last.update(dict.fromkeys(place.last))
            if place.folder is not None and not place.files:
                owner = self._files.owner(place.folder)
                if owner is not None and owner.kind != "module":
                    yield owner.id, "import"
            for found in place.files:
                if found not in place.last:
                    yield self._files.node(found), "import"
        for found in last:
            node = self._files.node(found)
            if node.startswith("file:"):
                yield from ((node, kind) for kind in self._roles.kinds(found, each.names))
            else:
                yield node, "import"

    def _places(self, path: str, scope: Scope, each: Import) -> Iterator[Place]:
        """Yield everything that an import may mean, submodules among its names included."""
        if each.module[0] == ".":
            found = self._relative(path, each.module)
            places = [found] if found is not None else []
        else:
            places = self._absolute(path, scope, each.module, each.names)
        for place in places:
            yield place
            if place.is_whole and place.folder is not None and each.names:
                yield from self._submodules(place.folder, each.names)

    def _submodules(self, folder: str, names: tuple[str, ...]) -> Iterator[Place]:
        inside = self._files.python.get(folder, _NONE)
        for name in sorted(inside - {"__init__"}) if "*" in names else names:
            if name in inside:
                yield self._walk(folder, name)

    def _relative(self, path: str, module: str) -> Place | None:
        bare = module.lstrip(".")
        folder = path.rpartition("/")[0]
        for _ in range(len(module) - len(bare) - 1):
            if not folder:
                return None
            folder = folder.rpartition("/")[0]
        inits = self._package_files(folder)
        if not bare:
            return Place(0, inits, inits, folder)
        place = self._walk(folder, bare)
        return place._replace(files=(*inits, *place.files))

    def _absolute(self, path: str, scope: Scope, module: str, names: tuple[str, ...]) -> list[Place]:
        """Return what a module's name may mean.

        All of it found where the file's own imports start hides the rest, as in Python. Otherwise everything that
        matches counts: nobody can see in which order folders are put on the path.
        """
        partial: list[Place] = []
        for root in scope.roots:
            place = self._walk(root, module)
            if place.is_whole and self._is_complete(place, names):
                return [place]
            if place.steps:
                partial.append(place)
        found = [
            place for root in self._shared if root not in scope.roots and (place := self._walk(root, module)).steps
        ]
        beside = self._files.python.get(path.rpartition("/")[0], _NONE)
        is_beside = module.partition(".")[0] in beside  # as a script sees it: then no other service's file is meant
        found += self._offered(module, is_beside)
        for name in names:
            if f"{module}.{name}" in self._offers:
                found += self._offered(f"{module}.{name}", is_beside)
        if is_beside:
            return partial + found
        top = module.partition(".")[0]
        found += self._whole(self._beside.get(top, ()), module, names)
        return partial + found or self._whole(self._stray.get(top, ()), module, names)

    def _whole(self, roots: Iterable[str], module: str, names: tuple[str, ...]) -> list[Place]:
        """Return what a module's name means in folders where all of it is found."""
        places = [self._walk(root, module) for root in dict.fromkeys(roots)]
        return [place for place in places if place.is_whole and self._is_complete(place, names)]

    def _offered(self, module: str, is_beside: bool) -> list[Place]:
        """Return what the projects offer that have packages of this name; the longest name counts."""
        known, rest = module, ""
        while known not in self._offers:
            known, dot, part = known.rpartition(".")
            if not dot:
                return []
            rest = f"{part}.{rest}" if rest else part
        found = []
        for project, where in self._offers[known]:
            if is_beside and project.kind == "service":
                continue
            if where in self._files:
                found.append(Place(1, (where,), (where,), None))
                continue
            inits = self._package_files(where)
            place = self._walk(where, rest) if rest else None
            if place is None or not place.steps:
                found.append(Place(1, inits, inits, where, is_whole=place is None))
            else:
                found.append(place._replace(files=(*inits, *place.files)))
        return found

    def _is_complete(self, place: Place, names: tuple[str, ...]) -> bool:
        """Return whether a place surely has what is imported from it: a namespace has nothing but submodules."""
        inside = self._files.python.get(place.folder or "", _NONE)
        return bool(place.last) or (bool(names) and all(name in inside for name in names))

    def _walk(self, root: str, module: str) -> Place:
        found = self._walked.get((root, module))
        if found is None:
            found = self._walked[root, module] = self._walk_anew(root, module.split("."))
        return found

    def _walk_anew(self, root: str, parts: list[str]) -> Place:
        folder: str | None = root
        files: list[str] = []
        last: tuple[str, ...] = ()
        for steps, part in enumerate(parts):
            path = f"{folder}/{part}" if folder else part
            if path in self._files.links and folder is not None:
                return Place(len(parts), (*files, path), (path,), None)  # whatever lies behind it
            if folder is None or part not in self._files.python.get(folder, _NONE):
                return Place(steps, tuple(files), last, folder if steps else None, is_whole=False)
            last = tuple(f"{path}{suffix}" for suffix in SUFFIXES if f"{path}{suffix}" in self._files)
            folder = path if path in self._files.python else None
            if folder is not None:
                last = (*self._package_files(folder), *last)
            files.extend(last)
        return Place(len(parts), tuple(files), last, folder)

    def _package_files(self, folder: str) -> tuple[str, ...]:
        found = self._inits.get(folder)
        if found is None:
            names = (f"{folder}/__init__{suffix}" if folder else f"__init__{suffix}" for suffix in SUFFIXES)
            found = self._inits[folder] = tuple(name for name in names if name in self._files)
        return found

    def _scope(self, path: str, owner: Project | None) -> Scope:
        folder = path.rpartition("/")[0]
        key = owner.id if owner is not None else f"file:{folder}"
        scope = self._scopes.get(key)
        if scope is None:
            if owner is None:
                roots: tuple[str, ...] = (folder, *self._shared, "src")
            else:
                roots = (*owner.roots, *self._roots.get(owner.id, ()))
            roots = tuple(dict.fromkeys(root for root in roots if root in self._files.python))
            own = frozenset(name for root in roots if root for name in self._files.python[root])
            scope = self._scopes[key] = Scope(roots, own)
        return scope

    def last_files(self, path: str, each: Import) -> tuple[str, ...]:
        """Return the files that define the names that a file imports by a statement."""
        scope = self._scope(path, self._files.owner(path))
        return tuple(dict.fromkeys(found for place in self._places(path, scope, each) for found in place.last))
