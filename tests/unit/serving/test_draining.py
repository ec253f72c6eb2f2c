"""Stopping in order, whatever asks for it and however often."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from decant.serving.draining import Drain, draining
from decant.serving.signals import Bell
from decant.serving.sockets import NOT_READY


class Runtime:
    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.flag: threading.Event | None = None

    def start(self, *, work: bool = True) -> None:
        self.calls.append("start")

    def stop(self, grace_s: float) -> None:
        self.calls.append(("stop", grace_s, self.flag is not None and self.flag.is_set()))


Made = tuple[Flask, Runtime, Drain]


@pytest.fixture
def made() -> Iterator[Made]:
    app, runtime = Flask("draining"), Runtime()
    app.extensions["decant"] = runtime
    runtime.flag = draining(app)
    drain = Drain(app, 3.0)
    yield app, runtime, drain
    drain.bell.close()


def test_background_work_starts_with_the_drain_and_stops_after_the_flag_is_set(made: Made) -> None:
    app, runtime, drain = made
    drain.start()
    drain.begin()
    assert drain.join(5)
    assert runtime.calls == ["start", ("stop", 3.0, True)]
    assert draining(app).is_set()


def test_two_signals_stop_it_once(made: Made) -> None:
    _, runtime, drain = made
    drain.start()
    drain.bell.ring(signal.SIGTERM)
    drain.bell.ring(signal.SIGINT)
    assert drain.join(5)
    drain.begin()
    assert len(runtime.calls) == 2


def test_not_ready_leaves_background_work_alone(made: Made) -> None:
    app, runtime, drain = made
    drain.start()
    drain.bell.ring(NOT_READY)
    assert draining(app).wait(5)
    assert runtime.calls == ["start"]


def test_an_application_without_a_runtime_drains_at_once() -> None:
    drain = Drain(lambda environ, start: [], 3.0)
    drain.start()
    drain.begin()
    assert drain.join(5)
    drain.bell.close()


def test_background_work_that_fails_to_stop_is_logged_and_does_not_keep_the_process(
    made: Made, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, runtime, drain = made

    def fail(grace_s: float) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(runtime, "stop", fail)
    drain.begin()
    assert drain.join(5)
    assert "background work did not stop in order" in caplog.text


def test_a_bell_takes_a_real_signal_out_of_its_handler() -> None:
    heard, arrived = [], threading.Event()

    def answer(signum: int) -> None:
        heard.append((signum, threading.current_thread() is threading.main_thread()))
        arrived.set()

    before = signal.getsignal(signal.SIGUSR2)
    bell = Bell(answer)
    bell.start()
    try:
        bell.answer_to(signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR2)
        assert arrived.wait(5)
    finally:
        signal.signal(signal.SIGUSR2, before)
        bell.close()
    assert heard == [(signal.SIGUSR2, False)]
