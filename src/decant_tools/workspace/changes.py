"""What differs between two states of the files, and between a third that lies between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple


class Change(NamedTuple):
    """A file that differs from the base.

    Attributes:
        path: Relative to the workspace.
        status: A rename is one file deleted and one added.
    """

    path: str
    status: Literal["added", "modified", "deleted"]


class Entry(NamedTuple):
    """A file as git lists it.

    Attributes:
        path: Relative to the workspace.
        mode: ``100644``, ``100755``, :data:`LINK`, :data:`SUBMODULE`; "" for a file that is gone.
        id: Its blob id, a submodule's commit id; "" where only the work tree has it.
    """

    path: str
    mode: str
    id: str


class Difference(NamedTuple):
    """What ``git diff --raw`` says of one file: how it was, and how it is."""

    before: Entry
    after: Entry

    @property
    def change(self) -> Change:
        if not self.after.mode:
            return Change(self.after.path, "deleted")
        return Change(self.after.path, "modified" if self.before.mode else "added")


def chained(
    first: Iterable[Difference], second: Iterable[Difference], ids_of: Callable[[Sequence[str]], Mapping[str, str]]
) -> list[Difference]:
    """Return what differs between one state and a third, sorted by path.

    Args:
        first: What differs between the first and the second.
        second: What differs between the second and the third.
        ids_of: Returns the ids of files whose id is not known.
    """
    found = {each.after.path: each for each in first}
    unsure: list[str] = []
    for before, after in second:
        earlier = found.get(after.path)
        found[after.path] = Difference(earlier.before if earlier else before, after)
        if earlier and after.mode == earlier.before.mode and not after.id:
            unsure.append(after.path)
    ids = ids_of(unsure) if unsure else {}
    return [each for path, each in sorted(found.items()) if not _is_back(each, ids.get(path, ""))]


def _is_back(each: Difference, known: str) -> bool:
    """Return whether a file is as it was: it was changed, and changed back."""
    before, after = each
    return before.mode == after.mode and (not after.mode or before.id == (after.id or known))
