"""Which files a service is made of, and which services it calls: read from its imports, nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from decant.errors import CommandError
from decant.topology import ServiceSpec, Workspace
from decant_tools.workspace.foreign import Foreign

SUFFIXES = frozenset({".py", ".toml", ".env", ".html", ".xml", ".txt", ".css", ".js", ".svg", ".json", ".sql"})
"""How the names of files end that a service is made of."""

SHARED = ("templates", "static")
"""Folders of the workspace's package that every service with pages ships."""


class Sources:
    """The code of a workspace, as far as imports can be read off it.

    Args:
        workspace: The workspace; one without a package has no code.
        foreign: The services that were found in the workspace; none by default.
    """

    def __init__(self, workspace: Workspace, foreign: Foreign | None = None) -> None:
        self._foreign = foreign
        self._package = workspace.package_path
        self._modules = workspace.modules
        self._root = workspace.root
        depth = workspace.package.count(".")
        self._base = self._package.parents[depth] if self._package else self._root
        self._parsed: dict[Path, tuple[int, ast.Module]] = {}

    def files_of(self, service: ServiceSpec) -> frozenset[Path]:
        """Return the files that a service is made of.

        Its modules with templates and static files, what they import within the workspace, and the ``__init__`` of
        every other module. For a foreign service whose command runs a Python file or ``-m package``, that file or
        package and what it imports. For one that was found, its folder and those of the libs that it depends on.
        """
        if self._foreign is not None and service.name in self._foreign.services:
            return self._foreign.files_of(service.name, SUFFIXES)
        if service.foreign:
            return self._closure(self._entry(service.command or ""))
        if self._package is None:
            return frozenset()
        own = {path for module in service.modules for path in _files(self._package / module)}
        seeds = {path for path in own if path.suffix == ".py"}
        seeds |= {self._package / module / "__init__.py" for module in self._modules}
        has_pages = any((self._package / module / "templates").is_dir() for module in service.modules)
        shared = {path for folder in SHARED for path in _files(self._package / folder)} if has_pages else set()
        return self._closure(seeds) | own | shared

    def look_again(self) -> None:
        """See which libs the services that were found depend on now; as before, while that cannot be read."""
        if self._foreign is not None:
            with suppress(CommandError):
                self._foreign.refresh()

    def needs(self, services: Collection[ServiceSpec]) -> Mapping[str, frozenset[str]]:
        """Return for each service the others that it calls: whose contracts it imports.

        Who only subscribes to another's events does not need it. A call that is made some other way is not seen; it
        works nevertheless, the caller just does not wait for it when everything starts.
        """
        home = {module: service.name for service in services for module in service.modules}
        if len({*home.values()}) < 2:  # nobody to call: nothing has to be read
            return {service.name: frozenset() for service in services}
        return {
            service.name: frozenset(
                home[module]
                for own in service.modules
                for module in self._called_modules(own)
                if home.get(module, service.name) != service.name
            )
            for service in services
        }

    def _called_modules(self, module: str) -> Iterator[str]:
        assert self._package is not None
        for path in _files(self._package / module):
            for node in ast.walk(self._tree(path)) if path.suffix == ".py" else ():
                if isinstance(node, ast.ImportFrom):
                    for alias, imported in self._imported(path, node):
                        if imported.is_relative_to(self._package) and alias in self._contracts(imported):
                            yield imported.relative_to(self._package).parts[0]

    def _contracts(self, path: Path) -> frozenset[str]:
        """Return the names of the contracts that a file declares."""
        return frozenset(
            node.name
            for node in self._tree(path).body
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Contract") for base in node.bases)
        )

    def _entry(self, command: str) -> set[Path]:
        words = command.split()
        for before, word in zip(["", *words], words, strict=False):
            if before == "-m":
                folder = self._root.joinpath(*word.split("."))
                return set(_files(folder)) if folder.is_dir() else set(self._resolve(word))
            if word.endswith(".py") and (self._root / word).is_file():
                return {self._root / word}
        return set()

    def _closure(self, seeds: Collection[Path]) -> frozenset[Path]:
        found: set[Path] = set()
        left = [path for path in seeds if path.is_file()]
        while left:
            path = left.pop()
            if path not in found:
                found.add(path)
                left += self._imports(path)
        return frozenset(found)

    def _tree(self, path: Path) -> ast.Module:
        """Return a file's syntax tree; an empty one for a file that is no Python now."""
        try:
            changed = path.stat().st_mtime_ns
            known = self._parsed.get(path)
            if known is None or known[0] != changed:
                known = self._parsed[path] = (changed, ast.parse(path.read_bytes()))
        except (OSError, SyntaxError, ValueError):
            return ast.Module([], [])
        return known[1]

    def _imports(self, path: Path) -> Iterator[Path]:
        """Yield the files of the workspace that a file imports."""
        for node in ast.walk(self._tree(path)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._resolve(alias.name)
            elif isinstance(node, ast.ImportFrom):
                yield from (found for _, found in self._imported(path, node))

    def _imported(self, path: Path, node: ast.ImportFrom) -> Iterator[tuple[str, Path]]:
        """Yield each name of a ``from`` import and the files that it leads to."""
        stem = node.module or ""
        if node.level:
            folder = path.parents[node.level - 1]
            inside = folder.relative_to(self._base).parts if folder.is_relative_to(self._base) else ()
            stem = ".".join([*inside, *([stem] if stem else [])])
        for alias in node.names:
            for found in self._resolve(f"{stem}.{alias.name}"):
                yield alias.name, found

    def _resolve(self, dotted: str) -> Iterator[Path]:
        """Yield the file of a module or of the one that a name stands in, and the ``__init__`` of its packages."""
        folder = self._base
        for part in dotted.split("."):
            if (folder / f"{part}.py").is_file():
                yield folder / f"{part}.py"
                return
            folder /= part
            if not folder.is_dir():
                return
            if (folder / "__init__.py").is_file():
                yield folder / "__init__.py"


def starts_after(needs: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    """Return for each service those that start before it: what it needs, unless that needs it too."""
    reach = {name: _reachable(name, needs) for name in needs}
    return {name: frozenset(other for other in needs[name] if name not in reach.get(other, ())) for name in needs}


def _reachable(name: str, needs: Mapping[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    left = list(needs.get(name, ()))
    while left:
        other = left.pop()
        if other not in found:
            found.add(other)
            left += needs.get(other, ())
    return found


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and "tests" not in path.relative_to(folder).parts:
                yield path
