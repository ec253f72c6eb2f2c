"""Whether an imported name is a contract, an event, or anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from decant_tools.workspace.model import EdgeKind

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import Facts, Import

Role = Literal["contract", "event"]
_ROLES: Mapping[str, Role] = {"contract": "contract", "event": "event"}
_DEPTH = 20
"""How many files a name is followed through: each imports it from the next."""


class Roles:
    """Follows names to the classes that they mean.

    Args:
        facts: What the files of a workspace say.
        files_of: Returns the files that an import statement of a file takes its names from.
    """

    def __init__(self, facts: Mapping[str, Facts], files_of: Callable[[str, Import], tuple[str, ...]]) -> None:
        self._facts = facts
        self._files_of = files_of
        self._known: dict[tuple[str, str], Role | None] = {}

    def kinds(self, path: str, names: tuple[str, ...]) -> list[EdgeKind]:
        """Return how a file depends on another one by importing names from it, each kind once.

        Args:
            path: The file that the names are imported from.
            names: What is imported.
        """
        found: dict[EdgeKind, None] = dict.fromkeys((self._role(path, name, _DEPTH) or "import") for name in names)
        return list(found) or ["import"]

    def _role(self, path: str, name: str, depth: int) -> Role | None:
        key = (path, name)
        if key not in self._known:
            self._known[key] = None  # for names that lead back to themselves
            self._known[key] = self._find(path, name, depth) if depth else None
        return self._known[key]

    def _find(self, path: str, name: str, depth: int) -> Role | None:
        said = self._facts.get(path)
        if said is None:
            return None
        for each in said.classes:
            if each.name == name:
                return self._of_bases(path, said, each.bases, depth)
        for statement in said.imports:
            if name in statement.names or "*" in statement.names:
                for found in self._files_of(path, statement):
                    if role := self._role(found, name, depth - 1):
                        return role
        return None

    def _of_bases(self, path: str, said: Facts, bases: tuple[str, ...], depth: int) -> Role | None:
        for base in bases:
            if known := _ROLES.get(base):
                return known
            module, _, name = base.partition(":")
            for statement in said.imports:
                if statement.module == module and (name in statement.names or not statement.names):
                    for found in self._files_of(path, statement):
                        if self._role(found, name, depth - 1) == "event":
                            return "event"  # while a class made of another file's contract is what implements it
        return None
