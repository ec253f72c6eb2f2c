"""The same keys mean the same in one process, strictly, and apart; on three databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import make_server

from decant.auth import ServiceTokens, generate_key, parse_key
from decant.context import CallContext, Caller, idempotency_key, use
from decant.contracts import contract_of
from decant.db.infrastructure import infrastructure_of
from decant.errors import PermissionDeniedError
from decant.idempotency import (
    LEASE_S,
    IdempotencyAnswerLost,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    IdempotentCalls,
)
from decant.rpc import Target, remote_client, transport_named
from decant.service import Runtime
from decant.service.internal import INTERNAL_PREFIX, InternalCalls
from tests.integration.idempotency.till_process import make_till
from tests.support.desk.api import Desk
from tests.support.till.api import Receipt, Refused, Till
from tests.support.till.models import Charge


class Shop:
    """The till, and a client of it in one of the three modes."""

    def __init__(self, app: Flask, runtime: Runtime, till: Any, mode: str) -> None:
        self.mode = mode
        self.client: Any = app.test_client()
        self.runtime = runtime
        self.till = till

    def charges(self) -> int:
        with self.runtime.databases["till"].transaction() as session:
            return session.scalar(select(func.count()).select_from(Charge)) or 0


@pytest.fixture(params=["direct", "strict", "remote"])
def shop(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Shop]:
    mode = request.param
    app, runtime = make_till(url, tmp_path, "direct" if mode == "remote" else mode)
    if mode != "remote":
        yield Shop(app, runtime, runtime.client(Till), mode)
    else:
        key = parse_key(generate_key())
        info = contract_of(Till)
        assert info is not None
        for declared in info.operations.values():  # what the service's own mounting does where modules are apart
            view, rule = app.view_functions[declared.name], INTERNAL_PREFIX + declared.declaration.rule
            app.add_url_rule(rule, f"{declared.name}@services", view, methods=[declared.declaration.method])
        app.wsgi_app = InternalCalls(app.wsgi_app, ServiceTokens(key, "till"), "till")  # type: ignore[method-assign]
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        target = Target("till", f"http://127.0.0.1:{server.server_port}")
        yield Shop(app, runtime, remote_client(info, target, transport_named(), ServiceTokens(key, "desk")), mode)
        server.shutdown()
        thread.join(5)
        server.server_close()
    runtime.stop(1)


def test_a_repeated_call_has_one_effect_and_the_first_answer(shop: Shop) -> None:
    with idempotency_key("order-1:charge"):
        answers = [shop.till.charge("order-1", 100) for _ in range(3)]
    assert answers == [Receipt(number=1, order="order-1", cents=100)] * 3
    assert shop.charges() == 1


def test_a_call_without_a_key_is_repeated(shop: Shop) -> None:
    assert [shop.till.charge("order-1", 100).number for _ in range(2)] == [1, 2]


def test_other_arguments_are_refused_with_the_same_error(shop: Shop) -> None:
    with idempotency_key("order-1:charge"):
        shop.till.charge("order-1", 100)
        with pytest.raises(IdempotencyKeyReused):
            shop.till.charge("order-1", 101)
    assert shop.charges() == 1


def test_operations_have_keys_of_their_own(shop: Shop) -> None:
    with idempotency_key("order-1"):
        shop.till.charge("order-1", 100)
        assert [shop.till.refund("order-1", 100).number for _ in range(2)] == [2, 2]
    assert shop.charges() == 2


def test_a_call_that_is_still_running_is_refused_with_the_same_error(shop: Shop) -> None:
    registry = shop.runtime.registry("till")
    calls = registry.getter(IdempotentCalls)(registry.open())
    claimed: list[Any] = []
    claim = calls.claim
    calls.claim = lambda slot, fingerprint: claimed.append(claim(slot, fingerprint)) or claim(slot, fingerprint)
    with idempotency_key("order-1:charge"), pytest.raises(IdempotencyKeyInUse) as caught:
        shop.till.charge("order-1", 100)  # somebody was faster by a moment
    assert caught.value.headers() == {"Retry-After": "1"}
    assert len(claimed) == 1
    assert shop.charges() == 0


def test_a_call_that_commits_by_itself_has_one_effect_and_one_answer(shop: Shop) -> None:
    with idempotency_key("order-1:charge"):
        answers = [shop.till.charge_in_parts("order-1", 100) for _ in range(3)]
    assert answers == [Receipt(number=1, order="order-1", cents=100)] * 3
    assert shop.charges() == 1


def test_a_call_that_failed_after_it_committed_by_itself_is_not_run_again(shop: Shop) -> None:
    with idempotency_key("order-1:charge"):
        with pytest.raises(Refused):
            shop.till.charge_in_parts("order-1", 100, fail=True)
        for _ in range(2):
            with pytest.raises(IdempotencyAnswerLost):
                shop.till.charge_in_parts("order-1", 100, fail=True)
    assert shop.charges() == 1
    assert shop.till.charge_in_parts("order-2", 100).number == 2, "a call without a key takes no notice"


def test_a_call_that_committed_no_writes_before_it_failed_runs_again(shop: Shop) -> None:
    with idempotency_key("order-1:look"):
        for _ in range(2):
            with pytest.raises(Refused):
                shop.till.look_and_fail("order-1")


def test_a_call_whose_claim_was_taken_over_cannot_commit_by_itself(url: str, tmp_path: Path) -> None:
    _, runtime = make_till(url, tmp_path, deadline_s=0.5)
    registry = runtime.registry("till")
    calls = registry.getter(IdempotentCalls)(registry.open())
    calls.margin_s = -LEASE_S  # over as soon as it begins
    begin = calls.begin

    def begin_late(scope: Any, claim: Any) -> None:
        begin(scope, claim)
        calls.begin = begin
        with idempotency_key("order-1:charge"):
            runtime.client(Till).charge_in_parts("order-1", 100)

    calls.begin = begin_late
    with idempotency_key("order-1:charge"):
        with pytest.raises(IdempotencyKeyInUse):
            runtime.client(Till).charge_in_parts("order-1", 100)
        assert runtime.client(Till).charge_in_parts("order-1", 100).number
    with runtime.databases["till"].transaction() as session:
        assert session.scalar(select(func.count()).select_from(Charge)) == 1
    runtime.stop(1)


def test_what_is_stored_of_the_arguments_says_nothing_without_the_key(shop: Shop) -> None:
    for key in ("k1", "k2"):
        with idempotency_key(key):
            shop.till.refund("order-1", 100)
    table = infrastructure_of("till").idempotency
    with shop.runtime.databases["till"].transaction() as session:
        first, second = session.scalars(select(table.c.fingerprint)).all()
    assert first != second, "otherwise a password could be tried against the table"


def test_a_guard_is_asked_before_a_stored_answer_is_given(shop: Shop) -> None:
    context = CallContext(caller=Caller("ada", roles=frozenset({"cashier"})))
    with use(context), idempotency_key("k1"):
        if shop.mode == "remote":
            pytest.skip("the other side reads the caller from a token; its view asks the guard first")
        assert shop.till.void("order-1") == "void"
    with use(context.replace(caller=Caller("ada"))), idempotency_key("k1"), pytest.raises(PermissionDeniedError):
        shop.till.void("order-1")


def test_the_answers_of_a_client_and_of_a_module_are_apart(shop: Shop) -> None:
    headers = {"Idempotency-Key": "k1"}
    at_the_edge = shop.client.post("/charges", json={"order": "order-1", "cents": 100}, headers=headers)
    assert at_the_edge.json["number"] == 1
    with idempotency_key("k1"):
        assert shop.till.charge("order-1", 100).number == 2


@pytest.mark.parametrize("mode", ["direct", "strict"])
def test_a_module_that_calls_with_a_key_has_one_effect(url: str, tmp_path: Path, mode: Any) -> None:
    _, runtime = make_till(url, tmp_path, mode)
    receipts = runtime.client(Desk).check_out("order-1", 100)
    runtime.stop(1)
    assert receipts == [Receipt(number=1, order="order-1", cents=100)] * 2
