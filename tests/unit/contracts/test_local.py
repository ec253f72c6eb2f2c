"""Calls in one process: direct and strict."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any, cast

import pytest
from flask import abort
from pydantic import BaseModel

from decant.context import CallContext, current, use
from decant.contracts import Contract, contract_of, direct_client, strict_client
from decant.errors import (
    CircuitOpen,
    ConflictError,
    DeadlineExceeded,
    DomainError,
    NotFoundError,
    OperationFailed,
    ProtocolError,
    RemoteCallError,
    Unavailable,
    ValidationError,
)
from decant.http.declare import get, post
from decant.http.paging import CursorError
from decant.http.results import ResultError
from decant.wiring import Registry


class Seat(BaseModel):
    row: int
    taken: bool = False


class NoSeat(DomainError, code="rooms.no-seat", status=409):
    """Only {left} seats are left."""

    left: int


class Undeclared(DomainError, code="elsewhere.undeclared", status=409):
    """Nobody told the callers."""


Undeclared.__module__ = "elsewhere"


class Rooms(Contract, module="rooms"):
    @get("/rooms/<room_id>/seat")
    def seat(self, room_id: str, row: int = 1) -> Seat: ...

    @post("/rooms/<room_id>/seats")
    def book(self, room_id: str, seats: list[Seat]) -> list[Seat]: ...


class Row:
    """As a database gives it."""

    def __init__(self, row: int) -> None:
        self.row = row
        self.taken = False


class Journal:
    """What a scope's resource went through."""

    def __init__(self) -> None:
        self.lines: list[str] = []


class RoomService(Rooms):
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def seat(self, room_id: str, row: int = 1) -> Seat:
        match room_id:
            case "full":
                raise NoSeat(left=0)
            case "missing":
                raise NotFoundError("no such room")
            case "beyond":
                raise CursorError
            case "undeclared":
                raise Undeclared
            case "broken":
                raise ZeroDivisionError("division by zero")
            case "row":
                return Row(row)  # type: ignore[return-value]
            case "wrong":
                return "a seat"  # type: ignore[return-value]
        self.journal.lines.append(f"seat {current.get().trace_id}")
        return Seat(row=row)

    def book(self, room_id: str, seats: list[Seat]) -> list[Seat]:
        for seat in seats:
            seat.taken = True
        return seats


Client = Callable[..., Contract]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def registry(journal: Journal) -> Registry:
    made = Registry()
    made.add_factory(
        Journal, lambda scope: journal, close=lambda value, succeeded: value.lines.append(f"closed {succeeded}")
    )
    return made


def rooms(make: Client, registry: Registry, service: type[RoomService] = RoomService) -> Any:
    return make(contract_of(Rooms), service, registry)


both = pytest.mark.parametrize("make", [direct_client, strict_client])


@both
def test_a_client_is_of_the_contract_and_answers_as_the_service_does(make: Client, registry: Registry) -> None:
    client = rooms(make, registry)
    assert isinstance(client, Rooms)
    assert client.seat("r1", row=3) == Seat(row=3)
    assert client.seat("r1") == Seat(row=1)


@both
def test_each_call_has_a_scope_of_its_own_that_ends_with_success(
    make: Client, registry: Registry, journal: Journal
) -> None:
    rooms(make, registry).seat("r1")
    rooms(make, registry).seat("r1")
    assert [line for line in journal.lines if line.startswith("closed")] == ["closed True", "closed True"]


@both
def test_a_failed_call_ends_its_scope_with_failure(make: Client, registry: Registry, journal: Journal) -> None:
    with pytest.raises(NoSeat):
        rooms(make, registry).seat("full")
    assert journal.lines == ["closed False"]


@both
def test_a_declared_error_is_caught_as_its_own_class_with_its_fields(make: Client, registry: Registry) -> None:
    with pytest.raises(NoSeat) as caught:
        rooms(make, registry).seat("full")
    assert caught.value.left == 0
    assert caught.value.detail == "Only 0 seats are left."


@both
def test_a_cursor_that_leads_nowhere_needs_no_declaration(make: Client, registry: Registry) -> None:
    with pytest.raises(CursorError):
        rooms(make, registry).seat("beyond")


@both
def test_the_toolkits_own_errors_need_no_declaration(make: Client, registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="no such room"):
        rooms(make, registry).seat("missing")


@both
def test_no_call_begins_after_the_deadline(make: Client, registry: Registry, journal: Journal) -> None:
    with use(CallContext(deadline=time.monotonic() - 1)), pytest.raises(DeadlineExceeded) as caught:
        rooms(make, registry).seat("r1")
    assert not caught.value.may_have_run
    assert journal.lines == []


@both
def test_the_callers_context_travels_and_is_back_afterwards(make: Client, registry: Registry, journal: Journal) -> None:
    context = CallContext(trace_id="a" * 32, span_id="b" * 16)
    with use(context):
        rooms(make, registry).seat("r1")
        assert current.get() is context
    assert journal.lines[0] == f"seat {'a' * 32}"


@both
def test_a_call_with_wrong_parameters_fails_as_any_python_call(make: Client, registry: Registry) -> None:
    with pytest.raises(TypeError):
        rooms(make, registry).seat()
    with pytest.raises(TypeError):
        rooms(make, registry).seat("r1", colour="red")


def test_strict_mode_hands_over_copies(registry: Registry) -> None:
    seats = [Seat(row=1)]
    booked = rooms(strict_client, registry).book("r1", seats)
    assert booked == [Seat(row=1, taken=True)]
    assert seats == [Seat(row=1, taken=False)]


def test_strict_mode_refuses_arguments_that_the_wire_would_refuse(registry: Registry) -> None:
    with pytest.raises(ValidationError, match=r"rooms\.seat"):
        rooms(strict_client, registry).seat("r1", row="three")


@pytest.mark.parametrize("room_id", ["", ".", "..", "a/b"])
def test_strict_mode_refuses_what_would_not_arrive_as_a_part_of_a_path(registry: Registry, room_id: str) -> None:
    with pytest.raises(ValidationError, match="part of a path"):
        rooms(strict_client, registry).seat(room_id)


@both
def test_a_row_becomes_the_declared_type_while_its_session_is_open(make: Client, registry: Registry) -> None:
    assert rooms(make, registry).seat("row", row=7) == Seat(row=7)


@both
def test_a_result_that_does_not_fit_is_a_failure_of_the_operation_that_names_it(
    make: Client, registry: Registry
) -> None:
    with pytest.raises(OperationFailed, match=r"rooms\.seat returned str") as caught:
        rooms(make, registry).seat("wrong")
    assert isinstance(caught.value.__cause__, ResultError)


@both
def test_an_undeclared_error_is_what_a_caller_far_away_would_see(make: Client, registry: Registry) -> None:
    with pytest.raises(ProtocolError, match="does not declare") as caught:
        rooms(make, registry).seat("undeclared")
    assert "elsewhere.undeclared" in str(caught.value)
    assert isinstance(first_cause(caught.value), Undeclared)


@both
def test_a_bug_of_the_callee_is_a_failed_operation_raised_from_it(make: Client, registry: Registry) -> None:
    with pytest.raises(OperationFailed) as caught:
        rooms(make, registry).seat("broken")
    failed = caught.value
    assert (failed.status, failed.code, failed.may_have_run, failed.operation) == (500, "internal", True, "rooms.seat")
    assert str(failed) == "rooms.seat failed with an internal error: ZeroDivisionError: division by zero"
    bug = first_cause(failed)
    assert isinstance(bug, ZeroDivisionError)
    assert "ZeroDivisionError: division by zero" in "".join(traceback.format_exception(failed))


@both
def test_a_bug_behind_another_module_tells_the_whole_way(make: Client, registry: Registry) -> None:
    inner = rooms(make, registry)

    class Middle(RoomService):
        def seat(self, room_id: str, row: int = 1) -> Seat:
            return cast(Seat, inner.seat(room_id, row))

    with pytest.raises(OperationFailed, match=r"rooms\.seat failed.*rooms\.seat failed.*division by zero"):
        rooms(make, registry, Middle).seat("broken")


@both
@pytest.mark.parametrize(
    ("status", "kind"), [(404, ProtocolError), (405, ProtocolError), (409, ConflictError), (418, ProtocolError),
                         (500, OperationFailed), (503, Unavailable)],
)  # fmt: skip
def test_what_a_service_aborts_with_arrives_as_from_far_away(
    make: Client, registry: Registry, status: int, kind: type[Exception]
) -> None:
    class Aborts(RoomService):
        def seat(self, room_id: str, row: int = 1) -> Seat:
            abort(status)

    with pytest.raises(kind) as caught:
        rooms(make, registry, Aborts).seat("r1")
    assert type(caught.value) is kind


@both
@pytest.mark.parametrize("kind", [Unavailable, CircuitOpen, DeadlineExceeded, ProtocolError, RemoteCallError])
def test_failures_of_further_calls_keep_their_class(
    make: Client, registry: Registry, kind: type[RemoteCallError]
) -> None:
    class Waits(RoomService):
        def seat(self, room_id: str, row: int = 1) -> Seat:
            raise kind("over there", retry_after_s=7)

    with pytest.raises(kind) as caught:
        rooms(make, registry, Waits).seat("r1")
    assert type(caught.value) is kind
    assert caught.value.retry_after_s == 7


@both
def test_arguments_that_do_not_fit_are_the_callers_own_mistake(make: Client, registry: Registry) -> None:
    with pytest.raises(TypeError):
        rooms(make, registry).seat("r1", "two", "three")


@both
def test_what_ends_the_process_is_no_failure_of_an_operation(make: Client, registry: Registry) -> None:
    class Leaves(RoomService):
        def seat(self, room_id: str, row: int = 1) -> Seat:
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        rooms(make, registry, Leaves).seat("r1")


def first_cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def test_strict_mode_hides_the_callers_flask_context(registry: Registry) -> None:
    from flask import Flask, has_app_context

    seen: list[bool] = []

    class Nosy(Rooms):
        def seat(self, room_id: str, row: int = 1) -> Seat:
            seen.append(has_app_context())
            return Seat(row=row)

        def book(self, room_id: str, seats: list[Seat]) -> list[Seat]:
            return seats

    with Flask("app").app_context():
        strict_client(contract_of(Rooms), Nosy, registry).seat("r1")  # type: ignore[arg-type, attr-defined]
    assert seen == [False]
