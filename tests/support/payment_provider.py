"""The shop's payment provider as a process of its own, and its ledger."""

from __future__ import annotations

import base64
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.waiting import wait_until

STORE = Path(__file__).parents[2] / "examples" / "store"
TIMEOUT_S, HANG_S = 0.5, 0.8


@dataclass(frozen=True)
class PaymentProvider:
    """A provider that runs.

    Attributes:
        url: Where it answers.
        secret: What it signs its reports with.
    """

    url: str
    secret: str

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment of a shop that uses it; it does not wait for silent cards for long."""
        return {
            "PAYMENTS_PROVIDER_URL": self.url,
            "PAYMENTS_WEBHOOK_SECRET": self.secret,
            "PAYMENTS_TIMEOUT_S": str(TIMEOUT_S),
        }

    def ledger(self) -> Any:
        """Return the totals and every movement."""
        return requests.get(f"{self.url}/ledger", timeout=10).json()

    def moved(self, order_id: str) -> list[str]:
        """Return what was done with an order's money, in order."""
        return [one["kind"] for one in self.ledger()["movements"] if one["key"] == order_id]


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@contextmanager
def payment_provider(folder: Path, port: int, *, hang_s: float = HANG_S) -> Iterator[PaymentProvider]:
    """Run a provider for as long as the block.

    Args:
        folder: Where its ledger and its log are.
        port: A free port.
        hang_s: Seconds for which it keeps silent where a card asks for it.
    """
    made = PaymentProvider(f"http://127.0.0.1:{port}", new_secret())
    command = [sys.executable, "-m", "provider", "--port", str(port), "--hang-s", str(hang_s)]
    with (folder / "provider.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--ledger", str(folder / "provider.sqlite3")],
            cwd=STORE, env={"PAYMENTS_WEBHOOK_SECRET": made.secret, "PYTHONUNBUFFERED": "1"}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(made.ledger, what="the provider to answer")
        yield made
    finally:
        process.terminate()
        process.wait(10)
