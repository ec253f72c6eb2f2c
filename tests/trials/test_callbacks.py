"""The payment provider's reports: forged, changed, old and repeated ones have no effect (R28)."""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path
from random import Random

import pytest
from flask import Flask
from flask.testing import FlaskClient

from decant import init_app
from decant.service import runtime_of
from tests.acceptance.running import STORE
from tests.support import shop_books
from tests.support.payment_provider import new_secret
from tests.support.trials import dice, record, trials

sys.path.insert(0, str(STORE))
pytestmark = pytest.mark.trials
SECRET = new_secret()
SIX_MINUTES = 360
NOT_OURS = "a signature of another key"


def report(order_id: str) -> bytes:
    data = {"key": order_id, "amount_cents": 1500, "method": "pm_ok", "status": "captured"}
    return json.dumps({"type": "charge.captured", "data": data}).encode()


def signed_by(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    from provider.callbacks import signed

    return signed(base64.b64decode(secret.removeprefix("whsec_")), message_id, at, body)


def forged(random: Random, number: int) -> tuple[str, dict[str, str], bytes]:
    """Return what was done to a report, its headers and its body."""
    body, now = report(f"forged-{number}"), int(time.time())
    headers = signed_by(SECRET, f"msg_{number}", now, body)
    what = random.choice([*headers, "body", "old", "early", "missing", NOT_OURS])
    if what == "body":
        body = _changed(random, body)
    elif what in {"old", "early"}:
        headers = signed_by(SECRET, f"msg_{number}", now + (SIX_MINUTES if what == "early" else -SIX_MINUTES), body)
    elif what == "missing":
        headers.pop(random.choice(list(headers)))
    elif what == NOT_OURS:
        headers = signed_by(new_secret(), f"msg_{number}", now, body)
    else:
        # The first letters of a signature: its last one has bits that mean nothing.
        length = len(headers[what]) - (4 if what == "webhook-signature" else 0)
        changed = _changed(random, headers[what][:length].encode()).decode("latin-1")
        headers[what] = changed.replace("\n", "n").replace("\r", "r") + headers[what][length:]
    return what, headers, body


def _changed(random: Random, text: bytes) -> bytes:
    changed = bytearray(text)
    changed[random.randrange(len(text))] ^= 1 << random.randrange(7)
    return bytes(changed)


def noted(home: Path) -> list[str]:
    return [
        row["order_id"] for row in shop_books.read(home / "payments.sqlite3", "SELECT order_id FROM payments_charge")
    ]


def post(client: FlaskClient, headers: dict[str, str], body: bytes) -> int:
    return client.post("/payments/callbacks", headers=headers, data=body).status_code


@pytest.mark.timeout(600)
def test_forged_and_old_reports_have_no_effect_and_repeated_ones_have_one(tmp_path: Path) -> None:
    from store.payments import module as payments

    tries, random, failures = trials(2000), dice("callbacks"), []
    environ = {"DECANT_HOME": str(tmp_path), "PAYMENTS_WEBHOOK_SECRET": SECRET}
    app = Flask("shop")
    init_app(app, modules=[payments], environ=environ).migrate()
    client = app.test_client()
    try:
        for number in range(tries):
            what, headers, body = forged(random, number)
            if (status := post(client, headers, body)) != 401:
                failures.append(f"{what}: {status}")
        failures += noted(tmp_path)
        body = report("order-1")
        headers = signed_by(SECRET, "msg_good", int(time.time()), body)
        assert {post(client, headers, body) for _ in range(100)} == {204}
        if noted(tmp_path) != ["order-1"]:
            failures.append(f"a report that came a hundred times: {noted(tmp_path)}")
    finally:
        runtime_of(app).stop(1)
    record(
        requirement="R28",
        promised="A payment report counts once, and never when it is changed, forged, or more than five minutes away",
        tried="a bit changed in the body, the id, the time or the signature; a header missing; another key; 6 min old; "
        "a good one sent 100 times",
        count=tries,
        failures=failures,
    )
