"""The shop under its customers: ``python -m benchmarks.variants.store shop|floor`` prints one run as JSON.

The shop is ``decant serve`` in one process with everything embedded; the floor is :mod:`benchmarks.variants.by_hand`
on the same server. Both commit with ``synchronous=FULL``, and both ask the same payment provider. An order counts as
paid when its row says so in a committed transaction; that is read in the file, so that asking costs the server nothing.
"""

from __future__ import annotations

import http.client
import json
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from benchmarks.shop import (
    ROOT,
    Customer,
    Running,
    cookies_of,
    cpu_seconds,
    free_port,
    memory_mib,
    paid_in,
    process,
    provider,
    shop,
    tree,
    wait_for,
)  # fmt: skip

ALONE, TOGETHER, CUSTOMERS, TRACKERS = 100, 400, 8, 40
IDLE_S = 20.0
POLL_S = 2.0
"""Seconds between two questions of a page that has no stream."""

Buy = Callable[[Customer], tuple[float, float]]
"""Orders once; returns the seconds until the answer, and until the order is paid."""

Figures = dict[str, float]


def buyer(running: Running) -> Buy:
    wait = paid_in(running.home / "orders.sqlite3", "orders_order")

    def buy(customer: Customer) -> tuple[float, float]:
        customer.ask("POST", "/api/cart/items", {"product_id": customer.product, "qty": 1})
        return _timed(lambda: customer.ask("POST", "/api/checkout", {"payment_method": "pm_ok"})["order_id"], wait)

    return buy


def floor_buyer(file: Path) -> Buy:
    wait = paid_in(file, "shop_order")
    return lambda customer: _timed(lambda: customer.ask("POST", "/checkout")["order_id"], wait)


def _timed(order: Callable[[], str], wait: Callable[[str], None]) -> tuple[float, float]:
    began = time.perf_counter()
    order_id = order()
    answered = time.perf_counter() - began
    wait(order_id)
    return answered, time.perf_counter() - began


def alone(buy: Buy, customer: Customer, count: int = ALONE) -> Figures:
    """Buy again and again, one order at a time."""
    for _ in range(5):
        buy(customer)
    taken = [buy(customer) for _ in range(count)]
    answered, paid = (sorted(each) for each in zip(*taken, strict=True))
    return {
        "answered_p50_ms": statistics.median(answered) * 1000,
        "paid_p50_ms": statistics.median(paid) * 1000,
        "paid_p99_ms": paid[int(len(paid) * 0.99)] * 1000,
    }


def together(make_buy: Callable[[], Buy], customers: Sequence[Customer]) -> Figures:
    """Buy with several customers at once, each an order at a time."""
    failures: list[BaseException] = []

    def run(customer: Customer, buy: Buy) -> None:
        try:
            for _ in range(TOGETHER // len(customers)):
                buy(customer)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(customer, make_buy())) for customer in customers]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return {"orders_per_s": TOGETHER / (time.perf_counter() - began)}


def idle(running: Running) -> Figures:
    """Return what the shop and the provider take of one processor while nobody asks, in per cent."""
    time.sleep(3)
    pids = [*tree(running.pid), *tree(running.provider_pid)]
    before, began = cpu_seconds(pids), time.perf_counter()
    time.sleep(IDLE_S)
    return {"idle_percent": (cpu_seconds(pids) - before) / (time.perf_counter() - began) * 100}


@contextmanager
def trackers(running: Running) -> Iterator[tuple[int, int]]:
    """Keep the pages of orders open that do not get on; yield how many have a stream, and how many poll."""
    watching = Customer(running.port)
    watching.sign_up()
    headers = cookies_of(running.port, watching)
    over, streams = threading.Event(), []
    with ExitStack() as stack:
        stack.callback(over.set)
        polling = []
        for order_id in _orders_that_stay(running.home, watching.user_id):
            connection = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)))
            connection.request("GET", f"/orders/{order_id}/events", headers=headers)
            answer = connection.getresponse()
            if answer.status == 200:
                streams.append(answer)
                continue
            answer.read()
            if answer.status != 503:
                raise SystemExit(f"a stream was answered with {answer.status}")
            polling.append(threading.Thread(target=_poll, args=(connection, order_id, headers, over)))
        for number, thread in enumerate(polling):
            stack.callback(thread.join)
            thread.start()
            time.sleep(POLL_S / len(polling) if number else 0)
        stack.callback(over.set)
        yield len(streams), len(polling)


def _poll(asking: http.client.HTTPConnection, order_id: str, headers: dict[str, str], over: threading.Event) -> None:
    while not over.is_set():
        asking.request("GET", f"/orders/{order_id}/state", headers=headers)
        asking.getresponse().read()
        over.wait(POLL_S)


def _orders_that_stay(home: Path, user_id: str) -> list[str]:
    """Place orders that no saga carries on."""
    ids = [str(uuid4()) for _ in range(TRACKERS)]
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "seconds")
    with closing(sqlite3.connect(home / "orders.sqlite3", timeout=10)) as db, db:
        db.executemany(
            "INSERT INTO orders_order (id, user_id, status, total_cents, payment_method, created_at, cart_cleared,"
            " cancel_requested, refund_requested) VALUES (?, ?, 'pending', 1500, 'pm_ok', ?, 1, 0, 0)",
            [(order_id, user_id, now) for order_id in ids],
        )
    return ids


def run_shop(home: Path) -> Figures:
    with shop(home) as running:
        customers = [Customer(running.port, number) for number in range(CUSTOMERS)]
        for customer in customers:
            customer.sign_up()
        found = alone(buyer(running), customers[0])
        with trackers(running) as (streams, polling):
            watched = alone(buyer(running), customers[0])
        found |= {f"watched_{name}": value for name, value in watched.items()}
        found |= {"streams": streams, "polling": polling}
        found |= together(lambda: buyer(running), customers)
        for name, pid in (("shop", running.pid), ("provider", running.provider_pid)):
            found[f"{name}_rss_mib"], found[f"{name}_pss_mib"] = memory_mib(tree(pid))
        return found | idle(running)


def run_floor(home: Path) -> Figures:
    file, port, log = home / "by_hand.sqlite3", free_port(), home / "by_hand.log"
    with provider(home) as (_, settings):
        argv = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--factory", "--http", "1",
            "--blocking-threads", "64", "--no-ws", "--log-level", "warning", "benchmarks.variants.by_hand:create_app",
        ]  # fmt: skip
        with process(argv, log, {**settings, "BY_HAND_FILE": str(file)}, cwd=ROOT) as serving:
            wait_for(port, serving, "/", log)
            customers = [Customer(port, number) for number in range(CUSTOMERS)]
            found = alone(floor_buyer(file), customers[0]) | together(lambda: floor_buyer(file), customers)
            found["shop_rss_mib"], found["shop_pss_mib"] = memory_mib(tree(serving.pid))
            return found


def up_seconds(rounds: int) -> float:
    """Return the median time of `make up EXAMPLE=store` until the page answers; a start before it prepares the data."""
    with tempfile.TemporaryDirectory(prefix="decant-") as home:
        _up(Path(home))
        return statistics.median(_up(Path(home)) for _ in range(rounds))


def _up(home: Path) -> float:
    port, log = free_port(), home / "up.log"
    began = time.perf_counter()
    argv = ["make", "up", "EXAMPLE=store", f"PORT={port}"]
    with process(argv, log, {"DECANT_HOME": str(home)}, how=signal.SIGINT) as made:
        wait_for(port, made, "/", log)
        return time.perf_counter() - began


def measured(kind: str) -> Figures:
    """Run it in a process of its own."""
    argv = [sys.executable, "-m", "benchmarks.variants.store", kind]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(f"The variant {kind} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def report(rounds: int) -> bool:
    """Measure the shop and the floor in turns, print a table, and return whether every bar is reached.

    The best run counts: a neighbour's load can only slow one down.
    """
    runs: dict[str, list[Figures]] = {"floor": [], "shop": []}
    for _ in range(rounds):
        for kind, taken in runs.items():
            taken.append(measured(kind))
    floor, found = (_best(runs[kind]) for kind in ("floor", "shop"))
    found["up_s"] = up_seconds(rounds)
    print("\n### The shop, one process, everything embedded, `synchronous=FULL`\n")
    print("| what | by hand | shop | bar |")
    print("| --- | --- | --- | --- |")
    for title, name, limit in ROWS:
        print(f"| {_title(title, found)} | {_cell(floor, name)} | {_cell(found, name)} | {_bar(found, name, limit)} |")
    print(flush=True)
    return all("missed" not in _bar(found, name, limit) for _, name, limit in ROWS)


ROWS: Sequence[tuple[str, str, float | None]] = (
    ("checkout → answer, p50 ms", "answered_p50_ms", None),
    ("checkout → *paid*, p50 ms", "paid_p50_ms", 100.0),
    ("checkout → *paid*, p99 ms", "paid_p99_ms", None),
    ("the same beside {trackers}, p50 ms", "watched_paid_p50_ms", None),
    ("the same, p99 ms", "watched_paid_p99_ms", None),
    (f"orders per second, {CUSTOMERS} customers at once", "orders_per_s", None),
    ("memory of the server, RSS MiB", "shop_rss_mib", None),
    ("memory of the server, PSS MiB", "shop_pss_mib", None),
    ("memory of the provider, PSS MiB", "provider_pss_mib", None),
    (f"idle, both, % of a processor over {IDLE_S:.0f} s", "idle_percent", 1.0),
    ("`make up EXAMPLE=store` until ready, s", "up_s", 3.0),
)
SLOWED_MS = 1000.0
"""What open trackers may add to a checkout, at the 99th percentile."""


def _best(runs: Sequence[Figures]) -> Figures:
    return {name: (max if name == "orders_per_s" else min)(run[name] for run in runs) for name in runs[0]}


def _title(title: str, found: Figures) -> str:
    watching = f"{found['streams']:.0f} streams and {found['polling']:.0f} pages that poll"
    return title.replace("{trackers}", watching)


def _cell(found: Figures, name: str) -> str:
    return f"{found[name]:.1f}" if name in found else ""


def _bar(found: Figures, name: str, limit: float | None) -> str:
    value, said = found[name], f"≤ {limit:g}" if limit is not None else ""
    if name == "watched_paid_p99_ms":
        value, limit = value - found["paid_p99_ms"], SLOWED_MS
        said = f"{value:.0f} ms more than without, ≤ {limit:g}"
    if limit is None:
        return ""
    return f"{said}: {'reached' if value <= limit else '**missed**'}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="decant-") as folder:
        print(json.dumps({"shop": run_shop, "floor": run_floor}[sys.argv[1]](Path(folder))))
