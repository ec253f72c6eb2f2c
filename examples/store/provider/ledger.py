"""The provider's ledger: what was taken and paid back, on disk before anybody is told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE IF NOT EXISTS charge (
    key TEXT PRIMARY KEY,
    amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0),
    method TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('captured', 'declined', 'refunded', 'voided'))
) STRICT;
CREATE TABLE IF NOT EXISTS movement (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL REFERENCES charge (key),
    kind TEXT NOT NULL CHECK (kind IN ('captured', 'refunded')),
    amount_cents INTEGER NOT NULL,
    at REAL NOT NULL
) STRICT;
"""


class OtherAmount(Exception):
    """The key was used for another amount or card before."""


class Ledger:
    """Charges by key. The movements are written once and never changed: they are what counts.

    Args:
        path: The database file.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        with self._transaction() as db:
            for statement in TABLES.split(";"):
                db.execute(statement)

    def charge(self, key: str, amount_cents: int, method: str, status: str) -> dict[str, Any]:
        """Capture or decline a charge, once; a repetition gets what the first one got.

        Raises:
            OtherAmount: When the key was used for another amount or card.
        """
        with self._transaction() as db:
            found = _read(db, key)
            if found is None:
                db.execute("INSERT INTO charge VALUES (?, ?, ?, ?)", (key, amount_cents, method, status))
                if status == "captured":
                    _move(db, key, status, amount_cents)
                return {"key": key, "amount_cents": amount_cents, "method": method, "status": status}
            if found["status"] != "voided" and (found["amount_cents"], found["method"]) != (amount_cents, method):
                raise OtherAmount
            return found

    def find(self, key: str) -> dict[str, Any] | None:
        with self._transaction() as db:
            return _read(db, key)

    def refund(self, key: str) -> dict[str, Any]:
        """Pay back what was captured, once; what was not captured yet never will be."""
        with self._transaction() as db:
            found = _read(db, key)
            if found is None:
                db.execute("INSERT INTO charge VALUES (?, 0, '', 'voided')", (key,))
                return {"key": key, "amount_cents": 0, "method": "", "status": "voided"}
            if found["status"] == "captured":
                _move(db, key, "refunded", found["amount_cents"])
                db.execute("UPDATE charge SET status = 'refunded' WHERE key = ?", (key,))
                found["status"] = "refunded"
            return found

    def summary(self) -> dict[str, Any]:
        """Return the totals, and every movement."""
        with self._transaction() as db:
            moved = [dict(row) for row in db.execute("SELECT key, kind, amount_cents FROM movement ORDER BY id")]
            states = db.execute("SELECT status, COUNT(*) AS n FROM charge GROUP BY status").fetchall()
        totals = {
            f"{kind}_cents": sum(one["amount_cents"] for one in moved if one["kind"] == kind)
            for kind in ("captured", "refunded")
        }
        return {"charges": {row["status"]: row["n"] for row in states}, **totals, "movements": moved}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise
        finally:
            db.close()


def _read(db: sqlite3.Connection, key: str) -> dict[str, Any] | None:
    row = db.execute("SELECT key, amount_cents, method, status FROM charge WHERE key = ?", (key,)).fetchone()
    return None if row is None else dict(row)


def _move(db: sqlite3.Connection, key: str, kind: str, amount_cents: int) -> None:
    db.execute(
        "INSERT INTO movement (key, kind, amount_cents, at) VALUES (?, ?, ?, ?)", (key, kind, amount_cents, time.time())
    )
