"""Migrates and seeds every module of a workspace: ``python -m decant_tools.run.prepare CONFIG MANIFEST migrate seed``.

A process of its own, before the services: several of them at once would migrate the same database, and what the
supervisor itself imports stays in its memory. As it has all modules, it writes the gateway's routes too, where MANIFEST
is a path: the gateway need not build the same application once more.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from decant.cli.main import guarded
from decant.errors import DecantError
from decant.serving.process import obey_parent

if TYPE_CHECKING:
    from flask import Flask


def main(argv: list[str]) -> int:
    """Do what is asked; the exit code is that of ``decant db upgrade``."""
    config, manifest, steps = argv[0], argv[1], argv[2:]

    def work() -> None:
        from decant.service import create_app, runtime_of
        from decant.service.factory import EVERYTHING

        app = create_app(EVERYTHING, config=config)
        runtime = runtime_of(app)
        if "migrate" in steps:
            runtime.migrate()
        if "seed" in steps:
            runtime.seed()
        if manifest:
            _write_manifest(app, Path(manifest))

    return guarded(work)


def _write_manifest(app: Flask, path: Path) -> None:
    """Write the routes of all modules; routes that no gateway can have are left for the gateway to complain about."""
    from decant.gateway.routes.collect import collect_manifest
    from decant.gateway.routes.manifest import dump_manifest

    try:
        text = dump_manifest(collect_manifest(app))
    except DecantError:
        return
    draft = path.with_suffix(".new")
    draft.write_text(text, "utf-8")
    draft.replace(path)


if __name__ == "__main__":
    gc.disable()  # it ends before there is anything to collect
    obey_parent(os.environ)
    sys.exit(main(sys.argv[1:]))
