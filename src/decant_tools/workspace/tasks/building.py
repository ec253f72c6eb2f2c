"""The process of the built-in ``build``, with the arguments ``PROJECT FOLDER [TOPOLOGY]``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from decant.cli.main import guarded


def main(argv: list[str]) -> int:
    """Build a project of the workspace that is the current folder, into a folder that is made anew; tell what was made.

    Raises:
        CommandError: When it cannot be built.
    """
    from decant_tools.workspace.release import build_project
    from decant_tools.workspace.view import open_view

    project, folder, *topology = argv
    view = open_view(Path.cwd(), topology=topology[0] if topology else None)
    out = Path(folder)
    if not out.parent.exists():  # what is made is no change of the workspace
        out.parent.mkdir()
        (out.parent / ".gitignore").write_text("*\n", "utf-8")
    shutil.rmtree(out, ignore_errors=True)  # what an older version left there would pass as made now
    built = build_project(view, view.graph.projects[project], out)
    for path in (built.context, *built.artefacts):
        sys.stdout.write(f"{path} ({path.stat().st_size} bytes)\n")
    if built.image:
        sys.stdout.write(f"image {built.image}\n")
    for note in built.notes:
        sys.stdout.write(f"note: {note}\n")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(lambda: main(sys.argv[1:])))
