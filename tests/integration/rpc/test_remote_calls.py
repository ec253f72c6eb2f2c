"""Calls to a module in another process, over a real socket: the same types, the same errors, the caller's context."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request
from pydantic import BaseModel
from werkzeug.serving import make_server

from decant.auth import ServiceTokens, generate_key, parse_key, require_roles
from decant.context import CallContext, Caller, current, use
from decant.contracts import Contract, contract_of, invoker
from decant.errors import (
    AuthenticationError,
    DeadlineExceeded,
    DomainError,
    PermissionDeniedError,
    ProtocolError,
    RemoteCallError,
    Unavailable,
    ValidationError,
)
from decant.http import compile_operation, get, make_view, post
from decant.http.problem import install_problems
from decant.rpc import Target, remote_client, transport_named
from decant.service.internal import INTERNAL_PREFIX, InternalCalls, require_service
from decant.wiring import Registry


class Seat(BaseModel):
    row: int
    taken: bool = False


class NoSeat(DomainError, code="halls.no-seat", status=409):
    """Only {left} seats are left."""

    left: int


class Halls(Contract, module="halls"):
    @get("/halls/<hall_id>/seat")
    def seat(self, hall_id: str, row: int = 1) -> Seat: ...

    @post("/halls/<hall_id>/seats")
    def book(self, hall_id: str, seats: list[Seat]) -> list[Seat]: ...

    @get("/halls/<hall_id>/broken")
    def broken(self, hall_id: str) -> Seat: ...

    @post("/halls/<hall_id>/closing", guard=require_roles("admin"))
    def close(self, hall_id: str) -> None: ...


SEEN: dict[str, Any] = {}


class HallService(Halls):
    def seat(self, hall_id: str, row: int = 1) -> Seat:
        SEEN.update(headers=dict(request.headers), hall=hall_id, caller=request.environ.get("decant.internal"))
        if hall_id == "full":
            raise NoSeat(left=0)
        if hall_id == "slow":
            time.sleep(1)
        return Seat(row=row)

    def book(self, hall_id: str, seats: list[Seat]) -> list[Seat]:
        return [Seat(row=seat.row, taken=True) for seat in seats]

    def broken(self, hall_id: str) -> Seat:
        raise ZeroDivisionError("a secret of ours")

    def close(self, hall_id: str) -> None: ...


def _user_of_the_request() -> None:
    user = request.headers.get("Authorization", "").removeprefix("User ")
    current.set(CallContext(caller=Caller(user or None)))


@pytest.fixture(scope="module")
def tokens() -> Any:
    key = parse_key(generate_key())
    return {name: ServiceTokens(key, name) for name in ("front", "halls")}


@pytest.fixture(scope="module")
def url(tokens: dict[str, ServiceTokens]) -> Iterator[str]:
    app = Flask("halls")
    install_problems(app, expose=False)
    info = contract_of(Halls)
    assert info is not None
    for name, declared in info.operations.items():
        operation = compile_operation(
            declared.function, name=declared.name, declaration=declared.declaration, skip_self=True
        )
        view = make_view(operation, invoker(HallService, name, Registry(), operation.check))

        def guarded(view: Any = view, **path: Any) -> Any:
            require_service()
            return view(**path)

        app.add_url_rule(INTERNAL_PREFIX + operation.rule, declared.name, guarded, methods=[operation.method])
    app.before_request(_user_of_the_request)
    app.wsgi_app = InternalCalls(app.wsgi_app, tokens["halls"], "halls")  # type: ignore[method-assign]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def halls(url: str, tokens: dict[str, ServiceTokens]) -> Any:
    return remote_client(contract_of(Halls), Target("halls", url), transport_named(), tokens["front"])  # type: ignore[arg-type]


def test_a_remote_call_takes_and_gives_the_contracts_own_types(halls: Any) -> None:
    assert isinstance(halls, Halls)
    assert halls.seat("h1", row=4) == Seat(row=4)
    assert halls.seat("h1") == Seat(row=1)
    assert halls.book("h1", [Seat(row=1), Seat(row=2)]) == [Seat(row=1, taken=True), Seat(row=2, taken=True)]


@pytest.mark.parametrize("hall_id", ["a b", "a/b", "ü", "%2e", "a?b#c", "..."])
def test_path_arguments_arrive_as_they_are(halls: Any, hall_id: str) -> None:
    if "/" in hall_id:  # a plain path variable ends at a slash: refused here, never another path there
        with pytest.raises((ValidationError, ProtocolError)):
            halls.seat(hall_id)
        return
    halls.seat(hall_id)
    assert SEEN["hall"] == hall_id


def test_a_guard_of_the_other_side_refuses_with_its_own_errors(halls: Any) -> None:
    with pytest.raises(AuthenticationError, match="The access token is missing") as caught:
        halls.close("h1")
    assert type(caught.value) is AuthenticationError
    with use(CallContext(authorization="User u1")), pytest.raises(PermissionDeniedError, match="the role admin"):
        halls.close("h1")


def test_a_declared_error_comes_back_as_its_own_class(halls: Any) -> None:
    with pytest.raises(NoSeat) as caught:
        halls.seat("full")
    assert caught.value.left == 0
    assert caught.value.detail == "Only 0 seats are left."


def test_a_bug_over_there_is_a_remote_call_error_that_tells_no_secrets(halls: Any) -> None:
    with pytest.raises(RemoteCallError) as caught:
        halls.broken("h1")
    assert caught.value.may_have_run
    assert "secret" not in str(caught.value)


def test_the_context_travels(halls: Any) -> None:
    context = CallContext(
        trace_id="a" * 32,
        span_id="b" * 16,
        trace_state="vendor=1",
        request_id="r1",
        authorization="Bearer u1",
        caller=Caller("u1"),
        deadline=time.monotonic() + 5,
    )
    with use(context):
        halls.seat("h1")
        assert current.get() is context
    headers = SEEN["headers"]
    assert headers["Traceparent"].startswith(f"00-{'a' * 32}-")
    assert headers["Traceparent"].split("-")[2] != "b" * 16, "the call is a span of its own"
    assert headers["Tracestate"] == "vendor=1"
    assert headers["X-Request-Id"] == "r1"
    assert headers["Authorization"] == "Bearer u1"
    assert 0 < int(headers["Decant-Deadline-Ms"]) <= 5000
    assert SEEN["caller"].service == "front"


@pytest.mark.parametrize("sent", ["Bearer \xe9", "Bearer a\x7fb", "Bearer a\tb"])
def test_what_a_client_sent_in_place_of_a_credential_ends_no_call(halls: Any, sent: str) -> None:
    with use(CallContext(authorization=sent)):
        assert halls.seat("h1") == Seat(row=1)
    assert "Authorization" not in SEEN["headers"]


def test_without_a_service_token_an_operation_for_services_is_not_there(url: str) -> None:
    import requests

    assert requests.get(f"{url}/halls/h1/seat", timeout=5).status_code == 404
    forged = requests.get(f"{url}/halls/h1/seat", headers={"Decant-Service-Token": "a.b.c"}, timeout=5)
    assert forged.status_code == 401
    assert forged.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_another_key_is_a_fault_of_the_service_and_not_of_its_user(url: str) -> None:
    stranger = ServiceTokens(parse_key(generate_key()), "front")
    client: Any = remote_client(contract_of(Halls), Target("halls", url), transport_named(), stranger)  # type: ignore[arg-type]
    with pytest.raises(RemoteCallError, match="refused this service's token") as caught:
        client.seat("h1")
    assert (caught.value.status, caught.value.may_have_run) == (502, False)
    assert "DECANT_SERVICE_KEY" in (caught.value.hint or "")


class NewerHalls(Contract, module="newer_halls"):
    @get("/halls/<hall_id>/lights")
    def lights(self, hall_id: str) -> Seat: ...


def test_an_operation_that_the_other_version_lacks_is_no_missing_thing(
    url: str, tokens: dict[str, ServiceTokens]
) -> None:
    client: Any = remote_client(contract_of(NewerHalls), Target("halls", url), transport_named(), tokens["front"])  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match=r"newer_halls\.lights") as caught:
        client.lights("h1")
    assert not caught.value.may_have_run


def test_a_call_never_takes_longer_than_its_deadline(halls: Any) -> None:
    started = time.monotonic()
    with use(CallContext(deadline=time.monotonic() + 0.2)), pytest.raises(DeadlineExceeded):
        halls.seat("slow")
    assert time.monotonic() - started < 0.8


def test_a_service_that_is_not_there_is_unavailable_and_nothing_ran(tokens: dict[str, ServiceTokens]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        target = Target("halls", f"http://127.0.0.1:{probe.getsockname()[1]}")
        client: Any = remote_client(contract_of(Halls), target, transport_named(), tokens["front"])  # type: ignore[arg-type]
        with pytest.raises(Unavailable) as caught:
            client.seat("h1")
    assert not caught.value.may_have_run
    assert caught.value.operation == "halls.seat"
