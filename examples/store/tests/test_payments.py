"""Payments with a provider that really answers, or really does not."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from provider.app import create_provider
from provider.callbacks import signed
from provider.ledger import Ledger
from sqlalchemy.orm import Session
from store.payments import module
from store.payments.api import ChargeVoided, Declined, ProviderSilent, ProviderUnreachable, UnknownCharge
from store.payments.callbacks import TOLERANCE_S, ReportRefused, verify
from store.payments.models import Base, ChargeRow
from store.payments.service import PaymentService
from store.payments.settings import PaymentSettings

from decant import create_app
from decant.db import assert_no_drift, assert_reversible
from decant.service import runtime_of
from examples.store.tests.conftest import ROOT, session_of
from tests.support.payment_provider import new_secret
from tests.support.served import serving
from tests.support.waiting import wait_until

SECRET = new_secret()
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
REPORT = json.dumps(
    {"type": "charge.captured", "data": {"key": "o1", "amount_cents": 1500, "method": "pm_ok", "status": "captured"}}
).encode()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite3")


@pytest.fixture
def provider_url(ledger: Ledger) -> Iterator[str]:
    with serving(create_provider(ledger, secret=KEY, hang_s=0.6)) as url:
        yield url


@pytest.fixture
def db() -> Iterator[Session]:
    yield from session_of("payments", Base)


@pytest.fixture
def payments(db: Session, provider_url: str) -> PaymentService:
    return PaymentService(db, PaymentSettings(provider_url=provider_url, timeout_s=0.3))


@pytest.fixture
def shop(tmp_path: Path, provider_url: str) -> Iterator[Flask]:
    environ = {
        "DECANT_HOME": str(tmp_path),
        "PAYMENTS_PROVIDER_URL": provider_url,
        "PAYMENTS_WEBHOOK_SECRET": SECRET,
    }
    app = create_app(config=ROOT / "decant.toml", environ=environ)
    runtime_of(app).migrate()
    yield app
    runtime_of(app).stop(1)


def kinds(ledger: Ledger) -> list[str]:
    return [one["kind"] for one in ledger.summary()["movements"]]


def test_a_charge_is_taken_once_however_often_it_is_asked_for(payments: PaymentService, ledger: Ledger) -> None:
    answers = [payments.charge("o1", 1500, "pm_ok") for _ in range(3)]
    assert answers == [answers[0]] * 3
    assert answers[0].status == "captured"
    assert ledger.summary()["captured_cents"] == 1500


def test_concurrent_charges_of_one_order_take_the_money_once(provider_url: str, ledger: Ledger) -> None:
    def charge(number: int) -> str:
        with contextmanager(session_of)("payments", Base) as session:
            return PaymentService(session, settings).charge("o1", 1500, "pm_ok").status

    settings = PaymentSettings(provider_url=provider_url)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(charge, range(16))) == {"captured"}
    assert kinds(ledger) == ["captured"]


def test_a_declined_card_is_noted_and_nothing_is_taken(payments: PaymentService, ledger: Ledger, db: Session) -> None:
    for _ in range(2):
        with pytest.raises(Declined):
            payments.charge("o1", 1500, "pm_declined")
    assert kinds(ledger) == []
    assert db.get_one(ChargeRow, "o1").status == "declined"


def test_no_answer_leaves_it_open_until_the_provider_is_asked(payments: PaymentService, ledger: Ledger) -> None:
    with pytest.raises(ProviderSilent):
        payments.charge("o1", 1500, "pm_timeout")
    with pytest.raises(UnknownCharge):
        payments.find("o1")
    assert kinds(ledger) == []


def test_a_lost_answer_is_found_by_asking(payments: PaymentService, ledger: Ledger) -> None:
    with pytest.raises(ProviderSilent):
        payments.charge("o1", 1500, "pm_timeout_captured")
    assert payments.find("o1").status == "captured"
    assert kinds(ledger) == ["captured"]


def test_a_refund_pays_back_once(payments: PaymentService, ledger: Ledger, db: Session) -> None:
    payments.charge("o1", 1500, "pm_ok")
    for _ in range(3):
        payments.refund("o1")
    assert kinds(ledger) == ["captured", "refunded"]
    assert (payments.find("o1").status, db.get_one(ChargeRow, "o1").status) == ("refunded", "refunded")


def test_a_charge_whose_answer_was_lost_is_noted_as_paid_back(payments: PaymentService, db: Session) -> None:
    with pytest.raises(ProviderSilent):
        payments.charge("o1", 1500, "pm_timeout_captured")
    payments.refund("o1")
    noted = db.get_one(ChargeRow, "o1")
    assert (noted.status, noted.amount_cents, noted.method) == ("refunded", 1500, "pm_timeout_captured")


def test_what_was_paid_back_before_it_was_charged_is_never_charged(payments: PaymentService, ledger: Ledger) -> None:
    payments.refund("o1")
    with pytest.raises(ChargeVoided):
        payments.charge("o1", 1500, "pm_ok")
    with pytest.raises(UnknownCharge):
        payments.find("o1")
    assert kinds(ledger) == []


def test_what_was_paid_back_is_not_charged_again(payments: PaymentService, ledger: Ledger) -> None:
    payments.charge("o1", 1500, "pm_ok")
    payments.refund("o1")
    with pytest.raises(ChargeVoided):
        payments.charge("o1", 1500, "pm_ok")
    assert kinds(ledger) == ["captured", "refunded"]


def test_another_amount_for_the_same_order_is_not_taken(payments: PaymentService, ledger: Ledger) -> None:
    payments.charge("o1", 1500, "pm_ok")
    with pytest.raises(ProviderSilent, match="409"):
        payments.charge("o1", 1600, "pm_ok")
    assert ledger.summary()["captured_cents"] == 1500


def test_a_provider_that_is_not_there_is_named_with_what_starts_it(db: Session) -> None:
    payments = PaymentService(db, PaymentSettings(provider_url="http://127.0.0.1:9"))
    with pytest.raises(ProviderUnreachable, match=r"http://127\.0\.0\.1:9 cannot be reached.\n.*python -m provider"):
        payments.charge("o1", 1500, "pm_ok")


def test_a_card_that_reports_twice_is_charged_once_and_noted_once(shop: Flask, tmp_path: Path) -> None:
    with serving(shop) as url, serving(create_provider(Ledger(tmp_path / "own.sqlite3"), secret=KEY)) as provider_url:
        settings = PaymentSettings(provider_url=provider_url, callback_url=f"{url}/payments/callbacks")
        with contextmanager(session_of)("payments", Base) as session:
            PaymentService(session, settings).charge("o1", 1500, "pm_twice")
        wait_until(lambda: noted(shop), what="the report to be noted")
    assert noted(shop) == [("o1", "captured")]


def noted(shop: Flask) -> list[tuple[str, str]]:
    scope = runtime_of(shop).registry("payments").open()
    rows = scope.get(Session).query(ChargeRow).all()
    found = [(row.order_id, row.status) for row in rows]
    scope.close(False)
    return found


def post(shop: Flask, body: bytes, headers: dict[str, str]) -> Any:
    return shop.test_client().post("/payments/callbacks", data=body, headers=headers)


def test_a_signed_report_is_taken_and_a_replay_has_no_effect(shop: Flask) -> None:
    headers = signed(KEY, "msg_1", int(time.time()), REPORT)
    answers = [post(shop, REPORT, headers).status_code for _ in range(100)]
    assert set(answers) == {204}
    assert noted(shop) == [("o1", "captured")]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("webhook-id", "msg_2"),
        ("webhook-id", ""),
        ("webhook-timestamp", "0"),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "٣"),
        ("webhook-signature", ""),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1,AAAA v2,AAAA"),
        ("webhook-signature", "v1,é"),
    ],
)
def test_what_is_not_signed_for_its_id_and_time_is_refused(shop: Flask, change: str, value: str) -> None:
    headers = signed(KEY, "msg_1", int(time.time()), REPORT) | {change: value}
    answer = post(shop, REPORT, headers)
    assert (answer.status_code, answer.json["code"]) == (401, "payments.report-refused")
    assert noted(shop) == []


def test_every_changed_byte_of_a_report_is_noticed() -> None:
    at = 1_700_000_000
    headers = signed(KEY, "msg_1", at, REPORT)
    assert verify(SECRET, headers, REPORT, at) == "msg_1"
    for position in range(len(REPORT)):
        changed = bytearray(REPORT)
        changed[position] ^= 1
        with pytest.raises(ReportRefused):
            verify(SECRET, headers, bytes(changed), at)


@pytest.mark.parametrize("away_s", [-TOLERANCE_S - 1, TOLERANCE_S + 1])
def test_an_old_report_and_one_from_the_future_are_refused(away_s: int) -> None:
    at = 1_700_000_000
    with pytest.raises(ReportRefused):
        verify(SECRET, signed(KEY, "msg_1", at, REPORT), REPORT, at + away_s)


def test_without_a_secret_no_report_is_taken() -> None:
    at = 1_700_000_000
    with pytest.raises(ReportRefused):
        verify(None, signed(b"", "msg_1", at, REPORT), REPORT, at)


def test_a_late_report_does_not_undo_a_refund(shop: Flask, payments: PaymentService, db: Session) -> None:
    payments.charge("o1", 1500, "pm_ok")
    payments.refund("o1")
    charge = payments.find("o1").model_copy(update={"status": "captured"})
    payments.take_report("msg_1", charge)
    assert db.get_one(ChargeRow, "o1").status == "refunded"


def test_the_revisions_lead_to_the_models_and_back() -> None:
    assert_no_drift(module)
    assert_reversible(module)
