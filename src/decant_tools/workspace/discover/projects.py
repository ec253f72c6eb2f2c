"""From a tree of files to the projects in it: a pure function, so that it answers for old commits too."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from decant_tools.workspace.discover.config import Config
from decant_tools.workspace.discover.conventions import Found, find_projects, has_image
from decant_tools.workspace.discover.discovery import Discovery
from decant_tools.workspace.discover.folders import Folders, join
from decant_tools.workspace.discover.layout import packages_of, roots_of
from decant_tools.workspace.discover.manifests import FILES, Manifest, ReadManifests, is_member, read_manifest
from decant_tools.workspace.model import Finding, Project

CONFIG = "decant.toml"
PYPROJECT = "pyproject.toml"
LINK, SUBMODULE = "120000", "160000"


class Files(Protocol):
    """What discovery needs of a tree."""

    @property
    def files(self) -> Mapping[str, str]:
        """Every file's path and what stands for its content."""

    @property
    def modes(self) -> Mapping[str, str]:
        """What is no ordinary file: links (``120000``) and submodules (``160000``)."""

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Return the contents of files."""


def discover(
    tree: Files,
    *,
    topology: str | None = None,
    folder: str = "",
    is_strict: bool = False,
    manifests: ReadManifests | None = None,
) -> Discovery:
    """Return the projects of a tree of files.

    Args:
        tree: Its files.
        topology: The topology whose services host the modules; the file's default otherwise.
        folder: The name of the workspace's own folder: what the workspace is called where its file does not say it.
        is_strict: Whether what is wrong in ``decant.toml`` is raised, as for the work tree, and no mere finding.
        manifests: Reads manifests, for instance by way of a cache; by default they are read from the tree.

    Raises:
        SettingsError: With everything that is wrong in ``decant.toml``, when it is strict.
    """
    return _Discoverer(tree, folder, manifests).discover(topology, is_strict=is_strict)


def _reader(tree: Files) -> ReadManifests:
    def read(paths: list[str]) -> Mapping[str, Manifest]:
        return {path: read_manifest(path, content) for path, content in tree.read_many(paths).items()}

    return read


def _folders(tree: Files) -> Folders:
    links = [path for path, mode in tree.modes.items() if mode == LINK]
    ends = tree.read_many(links).items() if links else ()
    submodules = [path for path, mode in tree.modes.items() if mode == SUBMODULE]
    return Folders(tree.files, submodules, {path: os.fsdecode(end) for path, end in ends})


class _Discoverer:
    def __init__(self, tree: Files, folder: str, read: ReadManifests | None) -> None:
        self.tree = tree
        self.folder = folder
        self.read = read or _reader(tree)
        self.folders = _folders(tree)
        self.findings: list[Finding] = []

    def discover(self, topology: str | None, *, is_strict: bool) -> Discovery:
        if CONFIG not in self.folders.files(""):
            found = find_projects(self.folders, self.members(), "")
            projects = self.projects(found, {}, frozenset())
            return self.result(projects, Config(), "", "", ())
        from decant_tools.workspace.discover.declared import Declarations

        content = self.tree.read_many([CONFIG]).get(CONFIG, b"")
        declared = Declarations(content, self.folders, self.folder)
        found = find_projects(self.folders, self.members(), declared.package_path)
        names = declared.name_projects(found)
        hosting = declared.hosting_projects(topology)
        taken = frozenset(project.name for project in hosting if project.kind == "service")
        projects = [*hosting, *self.projects(found, names, taken)]
        config = declared.config(projects)
        declared.raise_faults() if is_strict else None
        self.findings += declared.findings()
        return self.result(projects, config, declared.package, declared.package_path, declared.modules)

    def result(
        self, projects: Iterable[Project], config: Config, package: str, path: str, modules: tuple[str, ...]
    ) -> Discovery:
        ordered = tuple(sorted(projects, key=lambda project: project.id))
        return Discovery(ordered, config, tuple(sorted(set(self.findings))), package, path, modules)

    def members(self) -> frozenset[str]:
        """Return the folders of the uv workspace whose root is the workspace."""
        if PYPROJECT not in self.folders.files(""):
            return frozenset()
        root = self.read([PYPROJECT]).get(PYPROJECT, Manifest())
        if root.is_broken:
            self.broken(PYPROJECT, root, "the members of a uv workspace are not known")
        if root.members is None:
            return frozenset()
        with_manifest = (path for path in self.folders if path and PYPROJECT in self.folders.files(path))
        return frozenset(path for path in with_manifest if is_member(path, root))

    def projects(
        self, found: Mapping[str, Found], names: Mapping[str, tuple[str, str]], taken: frozenset[str]
    ) -> list[Project]:
        """Return the projects of folders.

        Args:
            found: By path.
            names: The kind and name of those that ``decant.toml`` names, by path.
            taken: Names of services of a topology.
        """
        called = self.called(found, names, taken)
        manifests = self.manifests(found)
        projects = []
        for path, (kind, name) in called.items():
            manifest = manifests.get(path, Manifest())
            roots = roots_of(self.folders, path, manifest.bases)
            packages = packages_of(self.folders, path, roots, is_service=kind == "service")
            project = Project(
                "service" if kind == "service" else "lib", name, path, roots, packages, manifest.name,
                is_found=path not in names,
            )  # fmt: skip
            projects.append(project)
            self.look_at(found[path], project)
        return projects

    def called(
        self, found: Mapping[str, Found], names: Mapping[str, tuple[str, str]], taken: frozenset[str]
    ) -> dict[str, tuple[str, str]]:
        """Return each path's kind and name: that of the file or of the folder; the path where two have one name."""
        plain = {
            path: names.get(path) or (each.kind, each.name or self.plain_name(path)) for path, each in found.items()
        }
        count = Counter(plain.values())
        fixed = set(names.values()) | {("service", name) for name in taken}
        return {
            path: (kind, name)
            if path in names or (count[kind, name] == 1 and (kind, name) not in fixed)
            else (kind, path or name)
            for path, (kind, name) in plain.items()
        }

    def plain_name(self, path: str) -> str:
        if path:
            return path.rpartition("/")[2]
        read = self.read([PYPROJECT]) if PYPROJECT in self.folders.files("") else {}
        return read.get(PYPROJECT, Manifest()).name or self.folder or "app"

    def manifests(self, found: Mapping[str, Found]) -> dict[str, Manifest]:
        """Return what the manifests of projects say, as one for each project."""
        paths = {join(path, name): path for path in found for name in FILES if name in self.folders.files(path)}
        read = self.read(list(paths))
        merged: dict[str, Manifest] = {}
        for at, path in paths.items():
            manifest = read.get(at, Manifest())
            if manifest.is_broken:
                self.broken(at, manifest, "its name and its dependencies are not known")
            known = merged.get(path, Manifest())
            merged[path] = Manifest(known.name or manifest.name, tuple(dict.fromkeys((*known.bases, *manifest.bases))))
        return merged

    def broken(self, path: str, manifest: Manifest, meaning: str) -> None:
        at = f"{path}:{manifest.line}" if manifest.line else path
        message = f"This file is not TOML: {meaning}."
        self.findings.append(Finding("warning", "broken-manifest", at, message, "Correct it."))

    def look_at(self, found: Found, project: Project) -> None:
        path = project.path
        if found.is_guess and project.is_found:
            self.findings.append(
                Finding(
                    "note", "no-start", path, f"{path} lies among services, but nothing in it says how it starts: "
                    "it counts as a lib.", f'If it is a service: [services.{_key(project.name)}] path = "{path}"',
                )
            )  # fmt: skip
        names = self.folders.files(path)
        if path and has_image(names) and len(names) == 1 and not self.folders.folders(path):
            self.findings.append(
                Finding(
                    "note", "only-an-image", path, f"{path} holds a Dockerfile and nothing else.",
                    "Delete the folder if the service is gone.",
                )
            )  # fmt: skip


def _key(name: str) -> str:
    """Return a name as TOML writes a key."""
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
