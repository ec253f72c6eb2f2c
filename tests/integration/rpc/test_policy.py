"""Calls under the policy over real sockets: what the other side sees when it is slow, down, or one of several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from decant.context import CallContext, idempotency_key, use
from decant.contracts import Contract, contract_of
from decant.errors import CircuitOpen, DeadlineExceeded, RemoteCallError, Unavailable
from decant.http import get, post
from decant.rpc import Target, remote_client, transport_named
from decant.rpc.policy import BreakerPolicy, CallPolicy, Edge, Upstream
from tests.support.fickle import BARE_503, DROP, HANG, OK, OVERLOADED, Fickle, Read, fickle
from tests.support.waiting import wait_until


class Meter(Contract, module="meter"):
    @get("/count")
    def count(self) -> int: ...

    @post("/add")
    def add(self) -> int: ...

    @post("/set", idempotent="natural")
    def put(self) -> int: ...

    @post("/charge", idempotent=True)
    def charge(self) -> int: ...


class Tokens:
    def issue(self, audience: str) -> str:
        return f"for-{audience}"


def client(*servers: Fickle, **policy: Any) -> Any:
    info, (first, *others) = contract_of(Meter), [server.url for server in servers]
    assert info is not None
    made = CallPolicy(**policy)
    edge = Edge("tests", Upstream("meter", (first, *others), made.breaker), made)
    return remote_client(info, Target("meter", first, tuple(others)), transport_named(), Tokens(), edge)


def once(first: bytes) -> Any:
    """Return a behaviour: ``first`` to the first request, and all is well afterwards."""
    answers = iter((first,))
    return lambda read: next(answers, OK)


@pytest.mark.parametrize("operation", ["count", "add", "put", "charge"])
def test_a_call_that_was_not_begun_is_sent_again_whatever_it_does(operation: str) -> None:
    with fickle(once(OVERLOADED)) as server:
        assert getattr(client(server), operation)() == 1
    assert len(server.read) == 2
    assert server.read[1].at - server.read[0].at >= 1, "Retry-After is waited for"


@pytest.mark.parametrize("failure", [DROP, BARE_503], ids=["drop", "503"])
@pytest.mark.parametrize(("operation", "sent"), [("count", 2), ("put", 2), ("charge", 1), ("add", 1)])
def test_a_call_that_may_have_run_is_sent_again_where_it_may_run_twice(
    operation: str, sent: int, failure: bytes
) -> None:
    with fickle(once(failure)) as server:
        call = getattr(client(server), operation)
        if sent == 2:
            assert call() == 1
        else:
            with pytest.raises(Unavailable) as caught:
                call()
            assert caught.value.may_have_run
            assert caught.value.operation == f"meter.{operation}"
    assert len(server.read) == sent


def test_a_key_makes_a_call_one_that_may_be_sent_again_with_the_same_key() -> None:
    with fickle(once(DROP)) as server, idempotency_key("order-1"):
        assert client(server).charge() == 1
    assert [read.headers["idempotency-key"] for read in server.read] == ["order-1", "order-1"]


def test_a_key_says_nothing_about_an_operation_that_is_not_idempotent() -> None:
    with fickle(once(DROP)) as server, idempotency_key("order-1"), pytest.raises(Unavailable):
        client(server).add()
    assert len(server.read) == 1


def test_an_attempt_that_may_have_run_is_not_forgotten_by_the_next_one() -> None:
    def behave(read: Read) -> bytes:
        if len(server.read) == 1:
            return DROP
        return OVERLOADED

    with fickle(behave) as server, pytest.raises(Unavailable) as caught:
        client(server).count()
    assert len(server.read) > 1
    assert caught.value.may_have_run


def test_each_attempt_tells_the_other_side_the_time_that_is_left() -> None:
    with fickle(once(DROP)) as server, use(CallContext(deadline=time.monotonic() + 4)):
        client(server, timeout_s=30).count()
    first, second = (int(read.headers["decant-deadline-ms"]) for read in server.read)
    assert second <= first < 4000
    assert {read.headers["decant-service-token"] for read in server.read} == {"for-meter"}


def test_a_side_that_hangs_costs_the_deadline_and_is_asked_once() -> None:
    with fickle(lambda read: HANG) as server, pytest.raises(DeadlineExceeded) as caught:
        client(server, timeout_s=0.3).count()
    assert (len(server.read), caught.value.may_have_run) == (1, True)


def test_a_retry_goes_to_the_other_replica() -> None:
    with fickle() as one, fickle() as two:
        calls = client(one, two)
        two.stop()
        assert [calls.add() for _ in range(20)] == [1] * 20
    assert len(one.read) == 20


def test_calls_to_a_dead_address_stop_and_begin_again_when_it_is_back() -> None:
    with fickle() as server:
        calls = client(server, attempts=1, breaker=BreakerPolicy(volume=3, probe_s=0.2))
        calls.count()
        server.stop()

        def stopped() -> bool:
            with pytest.raises(Unavailable) as caught:
                calls.count()
            return isinstance(caught.value, CircuitOpen)

        wait_until(stopped, what="the breaker to open")
        server.start()

        def back() -> bool:
            try:
                return bool(calls.count())
            except Unavailable:
                return False

        wait_until(back, what="the breaker to close")


def test_threads_share_what_an_edge_knows() -> None:
    with fickle() as server:
        calls, failures = client(server, concurrency=8), []

        def work() -> None:
            try:
                failures.extend(1 for _ in range(40) if calls.count() != 1)
            except RemoteCallError as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert failures == []
    assert len(server.read) == 320


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import json, sys
from concurrent.futures import ThreadPoolExecutor
import gevent
from decant.errors import BulkheadFull, DeadlineExceeded
from decant.rpc import Target, remote_client, transport_named
from decant.rpc.policy import CallPolicy, Edge, Upstream
from decant.contracts import Contract, contract_of
from decant.http import get

class Meter(Contract, module="meter"):
    @get("/count")
    def count(self) -> int: ...
globals()["Meter"] = Meter

class Tokens:
    def issue(self, audience): return "x"

policy = CallPolicy(concurrency=2, timeout_s=1.0)
edge = Edge("tests", Upstream("meter", (sys.argv[1],), policy.breaker), policy)
calls = remote_client(contract_of(Meter), Target("meter", sys.argv[1]), transport_named("http.client"), Tokens(), edge)

def call():
    try:
        return calls.count()
    except Exception as error:
        return type(error).__name__

jobs = [gevent.spawn(call) for _ in range(6)]
gevent.joinall(jobs, timeout=20)
print(json.dumps([job.value for job in jobs]))
"""


@pytest.mark.slow
def test_greenlets_wait_for_their_turn_without_stopping_each_other() -> None:
    pytest.importorskip("gevent")
    with fickle(lambda read: HANG) as server:
        done = subprocess.run(
            [sys.executable, "-c", GREENLETS, server.url],
            capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.count("DeadlineExceeded") == 2
    assert found.count("BulkheadFull") == 4
