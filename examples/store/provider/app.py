"""A payment provider to try the shop with: its answers, and the ledger behind them.

What a test card does is in its name; see the README beside this file.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from flask import Flask, request

from provider.callbacks import call_back
from provider.ledger import Ledger, OtherAmount

CARDS = {"pm_ok", "pm_declined", "pm_timeout", "pm_timeout_captured", "pm_twice"}
Answer = tuple[dict[str, Any], int]


def create_provider(ledger: Ledger, *, secret: bytes = b"", hang_s: float = 10.0) -> Flask:
    """Return the provider's application.

    Args:
        ledger: Where it writes what it takes.
        secret: Signs callbacks; none are made without.
        hang_s: Seconds for which it says nothing where a test card asks for no answer.
    """
    app = Flask("provider")

    @app.put("/charges/<key>")
    def charge(key: str) -> Answer:
        asked = request.get_json()
        method, amount_cents = asked.get("method"), asked.get("amount_cents")
        card = asked.get("simulate") or method
        if not {method, card} <= CARDS or type(amount_cents) is not int or amount_cents < 1:
            return {"error": "It takes a method that is a test card, and amount_cents, a whole number above 0."}, 422
        if card == "pm_timeout" and ledger.find(key) is None:
            time.sleep(hang_s)
            return {"error": "This card never answers."}, 504
        try:
            made = ledger.charge(key, amount_cents, method, "declined" if card == "pm_declined" else "captured")
        except OtherAmount:
            return {"error": "The key was used for another amount or card."}, 409
        if card == "pm_timeout_captured":
            time.sleep(hang_s)
        if card == "pm_twice" and made["status"] == "captured":
            report(asked.get("callback_url"), made)
        return made, {"captured": 200, "declined": 402}.get(made["status"], 410)

    @app.get("/charges/<key>")
    def find(key: str) -> Answer:
        found = ledger.find(key)
        return (found, 200) if found is not None else ({"error": "There is no such charge."}, 404)

    @app.post("/charges/<key>/refund")
    def refund(key: str) -> Answer:
        return ledger.refund(key), 200

    @app.get("/ledger")
    def show() -> Answer:
        return ledger.summary(), 200

    def report(url: object, made: dict[str, Any]) -> None:
        if isinstance(url, str) and secret:
            threading.Thread(target=call_back, args=(url, secret, made, 2), daemon=True).start()

    return app
