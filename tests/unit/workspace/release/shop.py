"""A small monorepo in a real repository, with a graph made by hand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from decant_tools.workspace.discover import Config, Discovery
from decant_tools.workspace.git import Git
from decant_tools.workspace.model import Edge, Graph, Project, file_node
from decant_tools.workspace.tree import Tree, work_tree
from tests.unit.workspace.repository import Repository

PROJECTS = (
    Project("lib", "base", "libs/base"),
    Project("lib", "common", "libs/common"),
    Project("module", "catalog", "shop/catalog"),
    Project("service", "orders", "services/orders"),
    Project("service", "shop", "shop", modules=("catalog",)),
    Project("service", "users", "services/users"),
)
EDGES = (
    Edge("lib:common", "lib:base", "import", "libs/common/a.py:1"),
    Edge("module:catalog", file_node("shop/catalog/api.py"), "holds", ""),
    Edge("service:orders", "lib:common", "import", "services/orders/app.py:1"),
    Edge("service:shop", "module:catalog", "hosts", ""),
    Edge("service:shop", file_node("shop/__init__.py"), "ships", ""),
)


@dataclass
class HandMade:
    """As much of a view as versions need."""

    root: Path
    git: Git | None
    tree: Tree
    discovery: Discovery
    graph: Graph


class Shop(Repository):
    """Services ``orders`` and ``users``, libs ``common`` (needed by orders) and ``base`` (needed by common), and ``shop``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        for name, value in (("user.name", "a"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")):
            self.git("config", name, value)

    def change(self, message: str, *paths: str) -> str:
        """Commit a change of some files."""
        self.write(dict.fromkeys(paths, f"# {message}\n"))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def begin(self) -> None:
        """Commit every project once."""
        self.change("Begin", *(f"{project.path}/__init__.py" for project in PROJECTS))

    @property
    def view(self) -> Any:
        graph = Graph(PROJECTS, EDGES)
        discovery = Discovery(PROJECTS, Config())
        return cast("Any", HandMade(self.root, Git.open(self.root), work_tree(self.root), discovery, graph))

    def tags(self) -> list[str]:
        return self.git("tag", "--list").split()

    def read(self, path: str) -> str:
        return (self.root / path).read_text()


def no_system_settings() -> dict[str, str]:
    """Return the environment in which git knows of no settings of this machine."""
    return {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
