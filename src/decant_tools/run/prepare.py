"""Migrates and seeds every module of a workspace: ``python -m decant_tools.run.prepare CONFIG migrate seed``.

A process of its own, before the services: several of them at once would migrate the same database, and what the
supervisor itself imports stays in its memory.
"""

from __future__ import annotations

import os
import sys

from decant.cli.main import guarded
from decant.serving.process import obey_parent


def main(argv: list[str]) -> int:
    """Do what is asked; the exit code is that of ``decant db upgrade``."""
    config, steps = argv[0], argv[1:]

    def work() -> None:
        from decant.service import create_app, runtime_of
        from decant.service.factory import EVERYTHING

        runtime = runtime_of(create_app(EVERYTHING, config=config))
        if "migrate" in steps:
            runtime.migrate()
        if "seed" in steps:
            runtime.seed()

    return guarded(work)


if __name__ == "__main__":
    obey_parent(os.environ)
    sys.exit(main(sys.argv[1:]))
