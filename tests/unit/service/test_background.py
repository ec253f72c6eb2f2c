"""Background work in this process, or in others that are woken."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decant.events.doorbell import Doorbell
from decant.service import Runtime, create_app, runtime_of
from decant.service.runtime import SAGAS
from tests.support.waiting import wait_until

POST = Path(__file__).parents[2] / "support" / "post"


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("POST_INK", str(tmp_path))
    shutil.copytree(POST, tmp_path / "office", ignore=shutil.ignore_patterns("__pycache__"))
    made = runtime_of(create_app(config=tmp_path / "office" / "decant.toml", environ={}))
    made.migrate()
    yield made
    made.stop(5)
    for name in [name for name in sys.modules if name.partition(".")[0] == "post"]:
        del sys.modules[name]


def letters(runtime: Runtime) -> Any:
    return runtime.client(sys.modules["post.letters.api"].Letters)  # type: ignore[type-abstract]


def test_without_work_here_the_others_are_woken_by_each_commit(runtime: Runtime) -> None:
    home, events, sagas = runtime.plan.home, threading.Event(), threading.Event()
    bells = [Doorbell(home, events.set), Doorbell(home / SAGAS, sagas.set)]
    for bell in bells:
        bell.start()
    runtime.start(work=False)
    letters(runtime).send(1)
    assert events.wait(20)
    assert sagas.wait(20)
    (letter,) = letters(runtime).list()
    assert (letter.handled, letter.stamped) == (0, 0)
    runtime.stop(5)
    events.clear()
    letters(runtime).send(2)
    for bell in bells:
        bell.stop()
    assert not events.is_set(), "what is stopped wakes nobody"


def test_with_work_here_everything_is_done(runtime: Runtime) -> None:
    runtime.start()
    letters(runtime).send(1)
    wait_until(lambda: [(one.handled, one.stamped) for one in letters(runtime).list()] == [(1, 1)], within_s=20)


def test_a_saga_that_another_process_started_begins_at_once(runtime: Runtime) -> None:
    """A ring is heard, whatever the poll would find later."""
    assert runtime.sagas is not None
    woken = threading.Event()
    runtime.sagas.wake = woken.set  # type: ignore[method-assign]
    runtime.start()
    from decant.events.doorbell import ring

    ring(runtime.plan.home / SAGAS)
    assert woken.wait(20)
