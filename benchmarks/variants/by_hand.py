"""A checkout by hand, the floor beneath the shop's: one Flask view, one SQLite file, one transaction on either side of
the provider's answer.

A kill between the two leaves money taken for an order that nobody will finish: that is what the floor leaves out, with
accounts, carts, events, mails and everything that the shop's modules do not share.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sqlite3
import threading
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

SCHEMA = """
CREATE TABLE IF NOT EXISTS product (id TEXT PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0));
CREATE TABLE IF NOT EXISTS shop_order (id TEXT PRIMARY KEY, product_id TEXT, total_cents INTEGER, status TEXT);
INSERT OR IGNORE INTO product VALUES ('p1', 100000000);
"""
_own = threading.local()


def create_app() -> Flask:
    app = Flask("by_hand")
    with _database() as db:
        db.executescript(SCHEMA)

    @app.post("/checkout")
    def checkout() -> tuple[dict[str, Any], int]:
        order_id, db = secrets.token_hex(16), _database()
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE product SET stock = stock - 1 WHERE id = 'p1'")
        db.execute("INSERT INTO shop_order VALUES (?, 'p1', 1500, 'pending')", (order_id,))
        db.execute("COMMIT")
        _charge(order_id)
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE shop_order SET status = 'paid' WHERE id = ?", (order_id,))
        db.execute("COMMIT")
        return {"order_id": order_id}, 201

    return app


def _database() -> sqlite3.Connection:
    found: sqlite3.Connection | None = getattr(_own, "db", None)
    if found is None:
        found = _own.db = sqlite3.connect(os.environ["BY_HAND_FILE"], timeout=10, isolation_level=None)
        found.execute("PRAGMA journal_mode = WAL")
        found.execute("PRAGMA synchronous = FULL")
    return found


def _charge(order_id: str) -> None:
    if not hasattr(_own, "http"):
        _own.http = http.client.HTTPConnection(urlsplit(os.environ["PAYMENTS_PROVIDER_URL"]).netloc, timeout=10)
    body = json.dumps({"amount_cents": 1500, "method": "pm_ok"})
    _own.http.request("PUT", f"/charges/{order_id}", body, {"Content-Type": "application/json"})
    answer = _own.http.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"the provider answered {answer.status}")
