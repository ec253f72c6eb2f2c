"""Processes that carry checkouts on and are killed or stopped, and the judge of what came of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from decant.db import ModuleDatabase
from decant.sagas import SagaStore
from tests.integration.sagas.shop_process import Ledger, is_declined, is_locked, open_orders, statuses
from tests.support.waiting import wait_until

ONCE = {"paid": {"reserve", "capture", "notify"}, "cancelled": {"reserve", "capture", "refund", "release"}}
ENDED = {"done", "compensated"}


class Coordinators:
    """A database of orders, a ledger, and the processes that work on them.

    Args:
        folder: Where the ledger lies.
        url: The database.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.orders: ModuleDatabase = open_orders(url)
        self.store = SagaStore(self.orders)
        self._ledger_path = folder / "ledger.sqlite3"
        self.ledger = Ledger(self._ledger_path)
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, lease_s: float = 1.0, delay_s: float = 0.0) -> subprocess.Popen[str]:
        arguments = [self.url, str(self._ledger_path), str(lease_s), str(delay_s)]
        command = [sys.executable, "-m", "tests.integration.sagas.shop_process", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def kill(self, process: subprocess.Popen[str]) -> None:
        self.processes.remove(process)
        process.kill()
        process.communicate()

    def stop_in_its_tracks(self, process: subprocess.Popen[str]) -> None:
        """Stop a process at a moment at which it locks no row and no file: those would stay locked as long as it is."""
        while True:
            os.kill(process.pid, signal.SIGSTOP)
            wait_until(lambda: _state(process.pid) == "T", every_s=0.001, what="the process to stop")
            if not (self.ledger.is_locked() or self._are_orders_locked()):
                return
            self.go_on(process)
            time.sleep(0.002)

    def _are_orders_locked(self) -> bool:
        if self.orders.url.get_backend_name() == "sqlite":
            return is_locked(Path(str(self.orders.url.database)))
        try:
            with self.orders.engine.connect() as connection:
                connection.execute(select(self.store.table.c.id).with_for_update(nowait=True)).all()
        except DBAPIError:
            return True
        return False

    def go_on(self, process: subprocess.Popen[str]) -> None:
        os.kill(process.pid, signal.SIGCONT)

    def close(self) -> None:
        for process in tuple(self.processes):
            self.kill(process)
        self.orders.close()

    def open(self) -> int:
        """Return how many sagas have not ended."""
        return sum(self.store.count().values())

    def all_ended(self) -> bool:
        return self.open() == 0

    def faults(self) -> list[str]:
        """Return every order that is not as it has to be: the ledger is the judge."""
        counts = self.ledger.counts()
        found = []
        for order_id, status in statuses(self.orders).items():
            expected = "cancelled" if is_declined(order_id) else "paid"
            effects = {what for (what, order) in counts if order == order_id}
            doubled = [what for (what, order), number in counts.items() if order == order_id and number != 1]
            if status != expected or effects != ONCE[expected] or doubled:
                found.append(f"{order_id}: {status}, {sorted(effects)}, doubled: {doubled}")
        return found


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
