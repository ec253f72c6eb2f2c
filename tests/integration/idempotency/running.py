"""The till as seen from outside: a process that is killed and started again, and clients that do not give up."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import func, select

from decant.db import ModuleDatabase
from decant.db.infrastructure import infrastructure_of
from tests.support.till.models import Charge


class Answer(NamedTuple):
    """What a client compares."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def code(self) -> Any:
        return json.loads(self.body).get("code")


KEPT = ("Content-Type", "ETag", "Location")


class TillProcess:
    """One process that serves the till.

    Args:
        url: Its database, which is the same whenever it is started again.
        home: Its folder.
        lease_s: Seconds until a claim may be taken over; more than a call takes.
    """

    def __init__(self, url: str, home: Path, lease_s: float = 3.0) -> None:
        self.lease_s = lease_s
        self.url = url
        self.home = home
        self.database = ModuleDatabase("till", url)
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self._next: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Answer again, from another process."""
        self._process, self._next = self._next or self._popen(), None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self.home / "till.log").read_text()
        self.port = int(line)

    def prepare(self) -> None:
        """Have the next process start already, so that it answers as soon as this one is dead."""
        self._next = self._popen()

    def _popen(self) -> subprocess.Popen[str]:
        program = "tests.integration.idempotency.till_process"
        command = [sys.executable, "-m", program, self.url, str(self.home), str(self.lease_s)]
        with (self.home / "till.log").open("a") as log:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

    def kill_now(self) -> None:
        """Kill it as an operator, or a lack of memory, does."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def kill(self) -> None:
        for process in (self._process, self._next):
            if process is not None:
                process.kill()
                process.communicate()
        self.database.close()

    def charge(self, key: str | None, order: str, path: str = "/charges", **arguments: Any) -> Answer:
        """Ask once.

        Raises:
            OSError: When there is no answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            body = json.dumps({"order": order, "cents": 100, **arguments})
            headers = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            kept = tuple((name, value) for name in KEPT if (value := answer.headers[name]) is not None)
            return Answer(answer.status, kept, answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(error) from error
        finally:
            connection.close()

    def try_to_charge(self, key: str, order: str, path: str, pause_s: float) -> None:
        """Ask once, and get no answer where the process is killed."""
        with suppress(OSError):
            self.charge(key, order, path, pause_s=pause_s)

    def charge_until_answered(self, key: str | None, order: str, within_s: float = 60.0, **arguments: Any) -> Answer:
        """Ask until there is an answer other than "still running" or "unavailable"."""
        until = time.monotonic() + within_s
        while True:
            try:
                answer = self.charge(key, order, **arguments)
            except OSError:
                answer = None
            if answer is not None and answer.status not in (409, 503):
                return answer
            if time.monotonic() > until:
                raise AssertionError(f"no answer for {key}; the last one: {answer}")
            time.sleep(0.02)

    def charge_many(self, clients: int, key: str | None, order: str, **arguments: Any) -> list[Answer]:
        """Ask from many threads at once; each asks again until it is answered."""
        with ThreadPoolExecutor(clients) as pool:
            asked = [pool.submit(self.charge_until_answered, key, order, **arguments) for _ in range(clients)]
            return [future.result() for future in asked]

    def charges(self, order: str) -> int:
        """Return how often something was charged for an order."""
        with self.database.transaction() as session:
            return session.scalar(select(func.count()).where(Charge.order == order)) or 0

    def claims(self) -> int:
        """Return how many keys are claimed and not answered."""
        table = infrastructure_of("till").idempotency
        with self.database.transaction() as session:
            return session.scalar(select(func.count()).select_from(table).where(table.c.answer.is_(None))) or 0
