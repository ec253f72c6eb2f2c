"""How an exception is read as a chain of places."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from decant.contracts import Contract, contract_of, direct_client, strict_client
from decant.errors import DomainError, OperationFailed, Unavailable
from decant.http.declare import get
from decant.observe.failures import Failure, Line, Step, summary, tell, way
from decant.wiring import Registry


class Seat(BaseModel):
    row: int


class NoRoom(DomainError, code="halls.no-room", status=409):
    """There is no room."""


class Halls(Contract, module="halls"):
    errors = (NoRoom,)

    @get("/halls/<hall_id>")
    def seat(self, hall_id: str) -> Seat: ...


class Tours(Contract, module="tours"):
    @get("/tours/<tour_id>")
    def plan(self, tour_id: str) -> Seat: ...


class HallService(Halls):
    def seat(self, hall_id: str) -> Seat:
        if hall_id == "cause":
            try:
                int(hall_id)
            except ValueError as error:
                raise LookupError("no hall") from error
        if hall_id == "group":
            raise ExceptionGroup("two at once", [KeyError("one"), ValueError("two")])
        if hall_id == "away":
            raise Unavailable("the hall is shut", operation="halls.seat")
        raise KeyError(hall_id)


class TourService(Tours):
    def __init__(self, halls: Halls) -> None:
        self.halls = halls

    def plan(self, tour_id: str) -> Seat:
        return self.halls.seat(tour_id)


@pytest.fixture(params=[direct_client, strict_client])
def tours(request: pytest.FixtureRequest) -> Any:
    registry = Registry()
    halls = request.param(contract_of(Halls), HallService, registry)
    registry.add_value(Halls, halls)
    return request.param(contract_of(Tours), TourService, registry)


def failure_of(tours: Any, tour_id: str) -> Failure:
    with pytest.raises(Exception) as caught:
        tours.plan(tour_id)
    return tell(caught.value, service="club", operation="web.home")


def places(failure: Failure) -> list[tuple[str, str, str]]:
    return [(step.operation, step.function, step.error) for step in failure.steps]


def test_each_module_on_the_way_is_a_step_and_the_innermost_says_what_happened(tours: Any) -> None:
    failure = failure_of(tours, "t1")
    assert places(failure) == [
        ("web.home", "failure_of", ""),
        ("tours.plan", "plan", ""),
        ("halls.seat", "seat", "KeyError"),
    ]
    last = failure.steps[-1]
    assert (last.service, last.message, last.source) == ("club", "'t1'", "raise KeyError(hall_id)")
    assert last.file.endswith("test_telling.py")
    assert last.line > 0


def test_a_cause_is_a_step_in_the_same_operation(tours: Any) -> None:
    assert places(failure_of(tours, "cause"))[-2:] == [
        ("halls.seat", "seat", "LookupError"),
        ("halls.seat", "seat", "ValueError"),
    ]


def test_members_of_a_group_lie_deeper(tours: Any) -> None:
    steps = failure_of(tours, "group").steps[-3:]
    assert [(step.error, step.message, step.depth) for step in steps] == [
        ("ExceptionGroup", "two at once (2 sub-exceptions)", 0),
        ("KeyError", "'one'", 1),
        ("ValueError", "two", 1),
    ]


def test_a_failure_with_a_kind_says_it(tours: Any) -> None:
    failure = failure_of(tours, "away")
    assert "decant.errors.Unavailable" in {step.error for step in failure.steps}
    assert {"tours.plan", "halls.seat"} <= {step.operation for step in failure.steps}


def test_what_another_process_told_goes_on_where_this_one_ends() -> None:
    error = OperationFailed("far failed", operation="far.away")
    error.failure = Failure(
        (Step("far", "far.away", "far.py", 3, error="KeyError", message="'x'"),), (Line(2.0, "far"),)
    )
    try:
        raise error
    except OperationFailed as raised:
        failure = tell(raised, service="near", operation="near.by")
    assert [(step.service, step.operation, step.error) for step in failure.steps] == [
        ("near", "near.by", ""),
        ("far", "far.away", "KeyError"),
    ]
    assert failure.lines == (Line(2.0, "far"),)
    assert failure.processes == 2


def test_a_service_that_told_nothing_is_known_by_what_its_answer_said() -> None:
    step = tell(OperationFailed("far.away failed with an internal error", operation="far.away")).steps[-1]
    assert (step.error, step.message) == ("decant.errors.OperationFailed", "far.away failed with an internal error")


def test_secrets_are_hidden_in_messages_and_in_source() -> None:
    try:
        raise ValueError("password=canary-1")  # token="canary-2"
    except ValueError as error:
        failure = tell(error)
    assert "canary" not in repr(failure)
    assert "***" in failure.steps[0].message


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert [step.message for step in tell(first).steps] == ["first", "second"]


def test_a_context_that_was_put_aside_is_left_out() -> None:
    error = ValueError("shown")
    error.__context__, error.__suppress_context__ = KeyError("hidden"), True
    assert [step.message for step in tell(error).steps] == ["shown"]


def test_an_endless_chain_is_cut() -> None:
    error = ValueError("last")
    for number in range(500):
        above = ValueError(str(number))
        above.__cause__ = error
        error = above
    assert len(tell(error).steps) == 64


def test_an_exception_that_cannot_say_what_it_is_is_told_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert tell(Mute()).steps[0].message == "<no message>"
    assert summary(Mute()) == "Mute: <no message>"


def test_the_way_is_one_line(tours: Any) -> None:
    with pytest.raises(OperationFailed) as caught:
        tours.plan("t1")
    stops = way(caught.value).split(" > ")
    assert [stop.partition(" (")[0] for stop in stops] == ["tours.plan", "halls.seat"]
    assert way(KeyError("no call")) == ""
