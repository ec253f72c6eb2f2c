"""A project's environment: found where it was made before, else made now."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decant_tools.workspace.environments.wishes import Purpose, Wishes, wishes_of

if TYPE_CHECKING:
    from decant_tools.workspace.environments.make import Say
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.view import View

RELAXED = "-relaxed"
_DROPPED = ("PYTHONHOME", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True)
class Environment:
    """A virtual environment that is ready to be used.

    Attributes:
        path: Its folder.
        bin: The folder of its programs.
        python: Its Python.
        pythonpath: Folders that its programs find imports in, absolute.
        environ: What a process needs to use it, on top of its own environment.
        notes: What a person should know about it.
    """

    path: Path
    bin: Path
    python: Path
    pythonpath: tuple[str, ...]
    environ: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def over(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment with this one in it, first in ``PATH`` and ``PYTHONPATH``."""
        found = {name: value for name, value in environ.items() if name not in _DROPPED}
        paths = [*self.pythonpath, *filter(None, [environ.get("PYTHONPATH")])]
        found["PATH"] = os.pathsep.join([str(self.bin), environ.get("PATH", os.defpath)])
        found["PYTHONPATH"] = os.pathsep.join(paths)
        found["VIRTUAL_ENV"] = str(self.path)
        return found


def environment_for(
    view: View, project: Project, *, purpose: Purpose = "run", relax: bool = False, say: Say | None = None,
    is_over: Callable[[], bool] | None = None,
) -> Environment:  # fmt: skip
    """Return a project's environment; it is made if that has not been done yet.

    Args:
        view: The workspace as it is now.
        project: Whose environment.
        purpose: ``run``: what it asks for. ``test``: that and what its tests need. ``lint``: the linters that the root
            of the workspace sets up, the same for all projects.
        relax: Take the nearest version where one that is asked for does not exist.
        say: Gets a sentence when it has to be made, and one when it is made; stderr by default.
        is_over: Whether nobody wants it any more; asked again and again while it is made.

    Raises:
        CommandError: Exit code 3 for a requirement that cannot be met, each with its file and line; 5 when it takes too
            long; 6 when no package index answers.
    """
    from decant_tools.workspace.environments.make import Shelf, key_of
    from decant_tools.workspace.store import home_of

    wishes = _wishes(view, project, purpose)
    shelf = Shelf(home_of(view.root), view.root, say or _to_stderr, is_over)
    key = key_of(wishes, view.root, view.tree.files)
    names = (key, key + RELAXED) if relax else (key,)
    found = next((found for name in names if (found := shelf.find(name)) is not None), None)
    if found is None:
        label = "linters" if purpose == "lint" else project.name
        found = shelf.make(names[-1], label, wishes, view.root / project.path, relax=relax)
    notes = [
        f"{line.at}: {line.text} does not exist; {found.taken[line.text]} is taken in its place (--relax)."
        for line in wishes.lines
        if line.text in found.taken
    ]
    return _environment(view, found.path, (*wishes.notes, *notes), wishes)


def environment_key(view: View, project: Project, purpose: Purpose = "run") -> str:
    """Return the name of a project's environment: it changes whenever what is asked for does. Nothing is made."""
    from decant_tools.workspace.environments.make import key_of

    return key_of(_wishes(view, project, purpose), view.root, view.tree.files)


def _wishes(view: View, project: Project, purpose: Purpose) -> Wishes:
    from decant_tools.workspace.environments.indexes import find_uv

    wishes = wishes_of(view, project, purpose)
    if wishes.lock and find_uv() is None:
        return wishes_of(view, project, purpose, uses_lock=False)
    return wishes


def _environment(view: View, path: Path, notes: tuple[str, ...], wishes: Wishes) -> Environment:
    folders = tuple(str(view.root / folder) if folder else str(view.root) for folder in wishes.path)
    binaries = path / "bin"
    environ = {
        "VIRTUAL_ENV": str(path),
        "PATH": os.pathsep.join([str(binaries), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return Environment(path, binaries, binaries / "python", folders, environ, notes)


def _to_stderr(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
