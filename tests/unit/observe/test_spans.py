"""Spans wait in a bounded buffer and reach the exporters without a request waiting for them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

import pytest

from decant.observe.tracing import SERVER, Span, SpanBuffer
from tests.support.waiting import wait_until


class Collector:
    """Keeps what is exported."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.batches = 0

    def __call__(self, batch: Sequence[Span]) -> None:
        self.batches += 1
        self.spans += batch


def fill(buffer: SpanBuffer, count: int) -> None:
    for number in range(count):
        buffer.record(f"span {number}", SERVER, "1" * 32, f"{number:016x}", "", number, number + 1)


def test_nothing_is_kept_while_nobody_wants_spans() -> None:
    buffer = SpanBuffer()
    fill(buffer, 3)
    assert buffer.drain() == []
    assert not buffer.recording


def test_a_span_keeps_what_was_recorded() -> None:
    buffer = SpanBuffer()
    buffer.add_exporter(Collector())
    buffer.record("GET /", SERVER, "1" * 32, "2" * 16, "3" * 16, 10, 20, {"a": 1}, "boom")
    assert buffer.drain() == [Span("GET /", SERVER, "1" * 32, "2" * 16, "3" * 16, 10, 20, {"a": 1}, "boom")]


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    buffer = SpanBuffer(limit=10)
    buffer.add_exporter(Collector())
    fill(buffer, 25)
    assert [span.start_ns for span in buffer.drain()] == list(range(10))
    assert buffer.dropped == 15


def test_an_exporter_that_raises_costs_its_batch_and_nothing_else() -> None:
    buffer, collector = SpanBuffer(), Collector()

    def broken(batch: Sequence[Span]) -> None:
        raise RuntimeError("no")

    buffer.add_exporter(broken)
    buffer.add_exporter(collector)
    fill(buffer, 3)
    buffer.flush()
    assert len(collector.spans) == 3
    assert buffer.dropped == 3


def test_an_exporter_says_how_many_it_lost() -> None:
    buffer = SpanBuffer()
    buffer.add_exporter(lambda batch: 2)
    fill(buffer, 3)
    buffer.flush()
    assert buffer.dropped == 2


def test_an_exporter_that_is_removed_gets_no_more() -> None:
    buffer, collector = SpanBuffer(), Collector()
    buffer.add_exporter(collector)
    buffer.remove_exporter(collector)
    fill(buffer, 1)
    buffer.flush()
    assert collector.spans == []


def test_the_thread_hands_over_within_its_period() -> None:
    buffer, collector = SpanBuffer(flush_s=0.05), Collector()
    buffer.add_exporter(collector)
    buffer.start()
    buffer.start()
    try:
        fill(buffer, 3)
        wait_until(lambda: len(collector.spans) == 3, what="three spans at the exporter")
    finally:
        buffer.stop()


def test_the_thread_wakes_at_half_full_and_does_not_wait_for_its_period() -> None:
    buffer, collector = SpanBuffer(limit=100, flush_s=60), Collector()
    buffer.add_exporter(collector)
    buffer.start()
    try:
        fill(buffer, 51)
        wait_until(lambda: len(collector.spans) >= 50, what="half a buffer at the exporter")
        assert buffer.dropped == 0
    finally:
        buffer.stop()


def test_stop_hands_over_what_waits() -> None:
    buffer, collector = SpanBuffer(flush_s=60), Collector()
    buffer.add_exporter(collector)
    buffer.start()
    fill(buffer, 3)
    buffer.stop()
    assert len(collector.spans) == 3


def test_stop_does_not_wait_for_an_exporter_that_hangs() -> None:
    buffer, release = SpanBuffer(flush_s=0.01), threading.Event()
    buffer.add_exporter(lambda batch: release.wait(30) and None)
    buffer.start()
    fill(buffer, 1)
    began = time.monotonic()
    buffer.stop(timeout_s=0.1)
    assert time.monotonic() - began < 2
    release.set()


def test_recording_never_waits_for_an_exporter_that_hangs() -> None:
    buffer, release = SpanBuffer(limit=100, flush_s=0.01), threading.Event()
    buffer.add_exporter(lambda batch: release.wait(30) and None)
    buffer.start()
    began = time.monotonic()
    fill(buffer, 5000)
    assert time.monotonic() - began < 2
    assert buffer.dropped > 4000
    release.set()
    buffer.stop()


def test_many_threads_lose_nothing_that_is_not_counted() -> None:
    buffer, collector = SpanBuffer(limit=1000, flush_s=0.001), Collector()
    buffer.add_exporter(collector)
    buffer.start()
    threads = [threading.Thread(target=fill, args=(buffer, 2000)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.stop(timeout_s=10)
    assert len(collector.spans) + buffer.dropped == 8000


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_forked_child_forgets_its_parents_spans_and_sends_its_own() -> None:
    buffer = SpanBuffer(flush_s=60)
    reading, writing = os.pipe()

    def export(batch: Sequence[Span]) -> None:
        os.write(writing, "".join(f"{os.getpid()}:{span.name};" for span in batch).encode())

    buffer.add_exporter(export)
    buffer.start()
    buffer.record("parent", SERVER, "1" * 32, "1" * 16, "", 0, 1)
    pid = os.fork()
    if pid == 0:
        try:
            buffer.record("child", SERVER, "1" * 32, "2" * 16, "", 0, 1)
            alive = buffer._thread is not None and buffer._thread.is_alive()
            buffer.stop()
        finally:
            os._exit(0 if alive else 1)
    _, status = os.waitpid(pid, 0)
    buffer.stop()
    os.close(writing)
    with os.fdopen(reading) as pipe:
        sent = pipe.read()
    assert status == 0
    assert sorted(sent.strip(";").split(";")) == sorted([f"{pid}:child", f"{os.getpid()}:parent"])
