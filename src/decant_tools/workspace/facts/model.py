"""What one file says, as values that are compact enough to keep for every file of a large workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

EXTRACTOR_VERSION = 7
"""Goes up whenever a file's facts may come out otherwise than before: what was kept of older ones is read anew."""

FileKind = Literal["python", "setup", "requirements", "pyproject", "pipfile", "setup.cfg", "lock", "dockerfile", "node"]


class Import(NamedTuple):
    """An import statement, or a call that imports by a literal name.

    Attributes:
        line: Counted from 1.
        module: What is imported or imported from; leading dots make it relative, as in Python.
        names: What is imported from it; empty for ``import module``.
    """

    line: int
    module: str
    names: tuple[str, ...] = ()


class Class(NamedTuple):
    """A class of a module's top level whose bases come from elsewhere.

    Attributes:
        name: As written.
        bases: ``contract`` or ``event`` where it is one; else where each base is imported from, ``module:name``.
    """

    name: str
    bases: tuple[str, ...]


class Requirement(NamedTuple):
    """Something that a manifest asks for.

    Attributes:
        line: Counted from 1; 0 where it is not known.
        name: The normalised name of a distribution (PEP 503), or "".
        path: Where it lies, as written, relative to the manifest's folder; or "".
        group: The group or extra that it belongs to; "" for what is always needed, ``build`` for the build system.
        is_member: Whether it is a member of the same workspace (``{ workspace = true }``, ``workspace:*``).
    """

    line: int
    name: str
    path: str = ""
    group: str = ""
    is_member: bool = False


class Include(NamedTuple):
    """Another requirements file that a requirements file takes in.

    Attributes:
        line: Counted from 1.
        path: Relative to the file's folder.
        is_constraint: Whether it only constrains versions (``-c``).
    """

    line: int
    path: str
    is_constraint: bool = False


class Copy(NamedTuple):
    """A source of COPY or ADD, or of a bind mount, in a Dockerfile.

    Attributes:
        line: Counted from 1.
        source: Relative to the build context, without a leading ``/`` or ``./``; may be a glob; "." is all of it.
    """

    line: int
    source: str


class Fault(NamedTuple):
    """Something about a file that a person should know; the assembly makes a ``Finding`` of it.

    Attributes:
        level: ``error``, ``warning`` or ``note``.
        code: A stable name.
        line: Counted from 1; 0 for the file as a whole.
        message: What it is.
        fix: What to do about it, or "".
    """

    level: Literal["error", "warning", "note"]
    code: str
    line: int
    message: str
    fix: str = ""


class Facts(NamedTuple):
    """What one file says. Depends on nothing but the kind of file and its content.

    Attributes:
        imports: Python: what it imports, in order, each once.
        classes: Python: classes of the top level with bases from elsewhere.
        dynamic: Python: lines of imports whose name is only known at run time.
        name: Manifests: the normalised name of the distribution, or "".
        requirements: Manifests and requirements files: what they ask for.
        includes: Manifests and requirements files: the requirements files that they take in.
        roots: Manifests: folders that packages lie in, relative to the manifest's folder: ``src``.
        copies: Dockerfiles.
        faults: What is wrong with it.
    """

    imports: tuple[Import, ...] = ()
    classes: tuple[Class, ...] = ()
    dynamic: tuple[int, ...] = ()
    name: str = ""
    requirements: tuple[Requirement, ...] = ()
    includes: tuple[Include, ...] = ()
    roots: tuple[str, ...] = ()
    copies: tuple[Copy, ...] = ()
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the same as a value that JSON can hold: only the fields that say something."""
        return {name: value for name, value in zip(self._fields, self, strict=True) if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """Return what :meth:`to_json` made, also after it went through JSON.

        Raises:
            TypeError: When the value has another shape.
        """
        return cls(**{name: _READERS.get(name, _same)(value) for name, value in data.items()})


NOTHING = Facts()
"""A file that says nothing about the graph."""


def _same(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_READERS: Mapping[str, Any] = {
    "imports": lambda rows: tuple(Import(line, module, tuple(names)) for line, module, names in rows),
    "classes": lambda rows: tuple(Class(name, tuple(bases)) for name, bases in rows),
    "requirements": lambda rows: tuple(Requirement(*row) for row in rows),
    "includes": lambda rows: tuple(Include(*row) for row in rows),
    "copies": lambda rows: tuple(Copy(*row) for row in rows),
    "faults": lambda rows: tuple(Fault(*row) for row in rows),
}
