"""A whole workspace in the test's own process: the quickest way to test one module with all the others around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

STOP_S = 5.0


@contextmanager
def in_process(
    root: Path, home: Path, *, calls: str = "", env: Mapping[str, str] | None = None, background: bool = False
) -> Iterator[Flask]:
    """Make the application of every module of a workspace, with migrated and seeded databases.

    Args:
        root: The folder of ``decant.toml``.
        home: Where its data is kept.
        calls: ``direct`` or ``strict``; "" for what the environment says.
        env: The environment, nothing else is read.
        background: Whether events and sagas are worked on, in threads.
    """
    from decant.service import create_app, runtime_of

    mode = {"DECANT_CALLS_MODE": calls} if calls else {}
    app = create_app("*", config=root / "decant.toml", environ={**(env or {}), "DECANT_HOME": str(home), **mode})
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    if background:
        runtime.start()
    try:
        yield app
    finally:
        runtime.stop(STOP_S)
