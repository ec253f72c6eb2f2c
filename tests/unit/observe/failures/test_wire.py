"""A failure on the wire: bounded, and believed in nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import OperationFailed
from decant.http.failure_page import failure_page
from decant.http.problem import parse_problem
from decant.observe.failures import MAX_BYTES, VERSION, Failure, Line, Step, as_text, from_wire, tell, to_wire

texts = st.text(max_size=40)
steps = st.builds(
    Step, texts, texts, texts, st.integers(0, 10**6), texts, texts, texts, texts, st.integers(0, 8)
)  # fmt: skip
lines = st.builds(Line, st.floats(0, 4e9), texts, texts, texts, texts)
failures = st.builds(
    Failure, st.lists(steps, min_size=1, max_size=8).map(tuple), st.lists(lines, max_size=8).map(tuple)
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = ["service", "operation", "file", "line", "function", "source", "error", "message", "depth", "time", "level"]
likely = st.dictionaries(st.sampled_from(NAMES), anything, max_size=8)


@st.composite
def exceptions(draw: st.DrawFn, depth: int = 3) -> BaseException:
    message = draw(st.text(st.characters(), max_size=30))
    kind = draw(st.sampled_from([ValueError, KeyError, RuntimeError, OperationFailed]))
    error: BaseException = kind(message)
    if depth and draw(st.booleans()):
        members = [draw(exceptions(depth=depth - 1)) for _ in range(draw(st.integers(1, 3)))]
        error = BaseExceptionGroup(message, members)
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001 - groups may be of the base class
        if depth and draw(st.booleans()):
            raised.__cause__ = draw(exceptions(depth=depth - 1))
        return raised


def over_the_wire(failure: Failure) -> Failure | None:
    return from_wire(json.loads(json.dumps(to_wire(failure))))


@given(failures)
def test_a_failure_comes_back_as_it_was_sent(failure: Failure) -> None:
    assert over_the_wire(failure) == failure


@given(exceptions())
def test_any_exception_comes_back_as_the_chain_it_was_told_as(error: BaseException) -> None:
    failure = tell(error, service="near", operation="near.by")
    assert over_the_wire(failure) == failure
    told = OperationFailed("far")
    told.failure = over_the_wire(failure)
    assert tell(told).steps[-1].message == failure.steps[-1].message


@given(st.fixed_dictionaries({"version": st.just(VERSION), "steps": st.lists(likely, max_size=4) | anything,
                              "lines": st.lists(likely, max_size=4) | anything}) | anything)  # fmt: skip
def test_whatever_a_peer_sends_is_taken_or_ignored(value: Any) -> None:
    failure = from_wire(value)
    if failure is not None:
        shown = as_text(failure)
        assert not set(shown) & {"\x1b", "\r", "\u2028", "\u202e", "\x00"}
        assert "<script" not in failure_page(failure, detail="", trace_id="", request_id="").lower()
        error = OperationFailed("far")
        error.failure = failure
        tell(error)


@given(anything)
def test_a_problem_with_a_strange_failure_is_a_problem_all_the_same(value: Any) -> None:
    body = json.dumps({"title": "Internal", "status": 500, "code": "internal", "failure": value}).encode()
    problem = parse_problem(500, {"content-type": "application/problem+json"}, body)
    assert problem is not None
    assert "failure" not in problem.fields


@pytest.mark.parametrize("version", [0, 2, "1", None, True, 1.5, [1]])
def test_another_version_is_ignored(version: Any) -> None:
    assert from_wire({"version": version, "steps": [{"error": "KeyError"}]}) is None


@pytest.mark.parametrize(("steps", "lines", "chars"), [(64, 100, 300), (64, 0, 2000), (1, 100, 2000), (64, 100, 2000)])
@pytest.mark.parametrize("character", ["x", "\x00", "\U0001f600"])
def test_it_is_never_larger_than_its_limit(steps: int, lines: int, chars: int, character: str) -> None:
    text = character * 300
    step = Step(text, text, text, 1, text, text, text, character * chars, 0)
    sent = to_wire(Failure((step,) * steps, (Line(1.0, text, text, text, text),) * lines))
    assert len(json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()) <= MAX_BYTES
    assert from_wire(sent) is not None


def test_what_is_left_of_a_long_chain_is_its_beginning_and_its_end() -> None:
    steps = tuple(Step(operation=f"op.{number}", message="x" * 2000) for number in range(64))
    sent = to_wire(Failure(steps))["steps"]
    assert (sent[0]["operation"], sent[-1]["operation"]) == ("op.0", "op.63")


def test_a_page_shows_what_a_peer_sent_as_text() -> None:
    hostile = "</pre><script>alert(1)</script>"
    step = Step(hostile, hostile, hostile, 1, hostile, hostile, hostile, hostile)
    page = failure_page(
        Failure((step,), (Line(1.0, hostile, hostile, hostile, hostile),)), detail=hostile, trace_id=hostile,
        request_id=hostile,
    )  # fmt: skip
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_a_terminal_shows_what_a_peer_sent_and_obeys_nothing() -> None:
    hostile = "\x1b[2J\n\rforged line\u202e"
    shown = as_text(Failure((Step(hostile, hostile, hostile, 1, hostile, hostile, hostile, hostile),)))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert len(shown.splitlines()) <= 5
