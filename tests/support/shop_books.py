"""What the shop's databases and the provider's ledger say once everything has come to rest: do they add up?"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

ENDED = {"paid", "cancelled"}
Row = dict[str, Any]


def read(path: Path, query: str) -> list[Row]:
    """Return the rows of a query to a SQLite database that others have open."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(query)]


def orders(home: Path) -> list[Row]:
    return read(
        home / "orders.sqlite3", "SELECT id, user_id, status, total_cents, reason FROM orders_order ORDER BY id"
    )


def still_open(home: Path) -> list[str]:
    """Return the ids of orders that have not come to an end, and of sagas that have not."""
    waiting = read(home / "orders.sqlite3", "SELECT id FROM orders_saga WHERE state IN ('running', 'compensating')")
    return [one["id"] for one in orders(home) if one["status"] not in ENDED] + [one["id"] for one in waiting]


def stock(home: Path) -> dict[str, int]:
    return {row["id"]: row["stock"] for row in read(home / "catalog.sqlite3", "SELECT id, stock FROM catalog_product")}


def faults(home: Path, ledger: Row, stock_before: dict[str, int]) -> list[str]:
    """Return everything that does not add up.

    Args:
        home: The folder of the shop's databases.
        ledger: The provider's, as it shows it.
        stock_before: What was there before the first order.
    """
    placed = orders(home)
    return [
        *(f"{one['id']} is {one['status']}" for one in placed if one["status"] not in ENDED),
        *(
            f"{one['id']} is cancelled and does not say why"
            for one in placed
            if (one["status"] == "cancelled") != bool(one["reason"])
        ),
        *_money(placed, ledger),
        *_shelves(home, stock_before),
        *_sagas(home),
    ]


def _money(placed: list[Row], ledger: Row) -> list[str]:
    moved: dict[str, list[Row]] = defaultdict(list)
    for one in ledger["movements"]:
        moved[one["key"]].append(one)
    found = []
    for order in placed:
        kinds = Counter(one["kind"] for one in moved[order["id"]])
        wanted = {"paid": [{"captured": 1}], "cancelled": [{}, {"captured": 1, "refunded": 1}]}
        if dict(kinds) not in wanted.get(order["status"], [dict(kinds)]):
            found.append(f"{order['id']} is {order['status']}, and of its money was {dict(kinds)}")
        if any(one["amount_cents"] != order["total_cents"] for one in moved[order["id"]]):
            found.append(f"{order['id']} is over {order['total_cents']}, moved was {moved[order['id']]}")
    ghosts = moved.keys() - {order["id"] for order in placed}
    confirmed = sum(order["total_cents"] for order in placed if order["status"] == "paid")
    kept = ledger["captured_cents"] - ledger["refunded_cents"]
    if kept != confirmed:
        found.append(f"{kept} cents were taken and kept, and orders over {confirmed} are paid")
    return found + [f"money was moved for {ghost}, which is no order" for ghost in sorted(ghosts)]


def _shelves(home: Path, before: dict[str, int]) -> list[str]:
    sold = {
        row["product_id"]: row["qty"]
        for row in read(
            home / "orders.sqlite3",
            "SELECT product_id, SUM(qty) AS qty FROM orders_item JOIN orders_order ON orders_order.id = order_id"
            " WHERE status = 'paid' GROUP BY product_id",
        )
    }
    return [
        f"of {product} there were {before[product]}, {sold.get(product, 0)} are sold, and {left} are left"
        for product, left in stock(home).items()
        if left < 0 or before[product] - sold.get(product, 0) != left
    ]


def _sagas(home: Path) -> list[str]:
    """Name sagas that wait for a person."""
    rows = read(home / "orders.sqlite3", "SELECT id, name, history FROM orders_saga WHERE state = 'parked'")
    return [f"{row['name']} {row['id']} is parked: {json.loads(row['history'])['entries'][-1]}" for row in rows]


def unwritten(home: Path) -> list[str]:
    """Return the orders that have ended and whose customers have not heard of it, or twice."""
    mails = Counter(
        row["order_id"] for row in read(home / "notifications.sqlite3", "SELECT order_id FROM notifications_mail")
    )
    return [one["id"] for one in orders(home) if mails[one["id"]] != 1]
