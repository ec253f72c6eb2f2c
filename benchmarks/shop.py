"""The shop (``examples/store``) as a process of its own with its payment provider, and the customers who measure it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from decant.auth import generate_key

ROOT = Path(__file__).parents[1]
STORE = ROOT / "examples" / "store"
PASSWORD = "correct horse battery"
PRODUCTS = ("p1", "p2", "p3", "p5", "p9", "p10", "p11", "p14")
"""Those with the largest stock, one for each customer."""

READY_S = 60.0
LOOK_S = 0.0005
"""Seconds between two looks at whether an order is paid."""


@dataclass(frozen=True, slots=True)
class Running:
    """What runs: where it answers, and the processes that it consists of."""

    port: int
    home: Path
    pid: int
    provider_pid: int


class Customer:
    """Somebody with a connection of their own. One thread at a time."""

    def __init__(self, port: int, number: int = 0) -> None:
        self.product = PRODUCTS[number % len(PRODUCTS)]
        self.headers = {"Content-Type": "application/json"}
        self.email = f"{secrets.token_hex(6)}@example.org"
        self.user_id = ""
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the answer.

        Raises:
            SystemExit: When it is refused.
        """
        sent = None if body is None else json.dumps(body)
        self.http.request(method, path, sent, self.headers)
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def sign_up(self) -> None:
        person = {"email": self.email, "password": PASSWORD, "name": "Somebody"}
        made = self.ask("POST", "/api/auth/signup", person)
        self.headers["Authorization"] = f"Bearer {made['access_token']}"
        self.user_id = made["user_id"]


def cookies_of(port: int, customer: Customer) -> dict[str, str]:
    """Sign a customer in at the pages; return what their browser sends from then on."""
    with requests.Session() as browser:
        address = f"http://127.0.0.1:{port}/sign-in"
        found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(address, timeout=30).text)
        form = {"csrf_token": found[1] if found else "", "email": customer.email, "password": PASSWORD}
        answer = browser.post(address, form, timeout=30)
        if answer.status_code != 200:
            raise SystemExit(f"{answer.url} answered with {answer.status_code}")
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def provider(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """Run the payment provider; yield its process and the settings of a shop that uses it."""
    port, secret = free_port(), f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    settings = {"PAYMENTS_PROVIDER_URL": f"http://127.0.0.1:{port}", "PAYMENTS_WEBHOOK_SECRET": secret}
    argv = [sys.executable, "-m", "provider", "--port", str(port), "--ledger", str(home / "provider.sqlite3")]
    with process(argv, home / "provider.log", settings, cwd=STORE) as made:
        wait_for(port, made, "/ledger", home / "provider.log")
        yield made, settings


@contextmanager
def shop(home: Path) -> Iterator[Running]:
    """Run the shop as ``decant serve`` does in production, in one process, everything embedded."""
    decant, port, log = str(Path(sys.executable).with_name("decant")), free_port(), home / "shop.log"
    keys = {"DECANT_AUTH_SIGNING_KEY": generate_key().decode(), "DECANT_AUTH_COOKIE_KEY": secrets.token_hex(32)}
    with ExitStack() as stack:
        paying, settings = stack.enter_context(provider(home))
        # Not production in one thing only: there a page's cookie travels by TLS alone.
        env = {**keys, **settings, "DECANT_HOME": str(home), "DECANT_ENV": "staging", "DECANT_CALLS_MODE": "direct"}
        for verb in ("upgrade", "seed"):
            with process([decant, "db", verb], log, env, cwd=STORE, stop=False) as made:
                if made.wait(READY_S):
                    raise SystemExit(f"decant db {verb} failed:\n{log.read_text()}")
        argv = [decant, "serve", "store", "--bind", f"127.0.0.1:{port}"]
        serving = stack.enter_context(process(argv, log, env, cwd=STORE))
        wait_for(port, serving, "/api/products", log)
        yield Running(port, home, serving.pid, paying.pid)


@contextmanager
def process(
    argv: Sequence[str],
    log: Path,
    env: dict[str, str],
    *,
    cwd: Path = ROOT,
    stop: bool = True,
    how: int = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own for as long as the block; nobody's own settings reach it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DECANT_", "OTEL_", "PAYMENTS_"))}
    with log.open("ab") as out:
        made = subprocess.Popen(
            argv, cwd=cwd, env={**kept, **env}, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        yield made
    finally:
        if stop and made.poll() is None:
            os.killpg(made.pid, how)
            made.wait(30)


def wait_for(port: int, made: subprocess.Popen[bytes], path: str, log: Path) -> None:
    """Wait until an address answers."""
    ends = time.perf_counter() + READY_S
    while time.perf_counter() < ends and made.poll() is None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
                asked.request("GET", path)
                if asked.getresponse().status < 500:
                    return
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit(f"{made.args!r} did not answer:\n{log.read_text()}")


def paid_in(path: Path, table: str) -> Callable[[str], None]:
    """Return what waits until an order is committed as paid, and asks nobody's server for that."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10, check_same_thread=False)
    query = f"SELECT status FROM {table} WHERE id = ?"

    def wait(order_id: str) -> None:
        ends = time.perf_counter() + READY_S
        while (status := db.execute(query, (order_id,)).fetchone()[0]) != "paid":
            if status == "cancelled" or time.perf_counter() > ends:
                raise SystemExit(f"The order {order_id} is {status}.")
            time.sleep(LOOK_S)

    return wait


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    return [pid, *(one for child in children for one in tree(child))]


def _children(task: Path) -> list[int]:
    try:
        return [int(child) for child in (task / "children").read_text().split()]
    except OSError:  # a thread that has ended
        return []


def memory_mib(pids: Sequence[int]) -> tuple[float, float]:
    """Return resident and proportional memory (RSS, PSS) of processes in MiB."""
    found = {"Rss:": 0, "Pss:": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name in found:
                found[name] += int(rest[0])
    return found["Rss:"] / 1024, found["Pss:"] / 1024


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time that processes have taken, with threads that have ended."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
