"""Deadlines shrink (R1), nothing runs twice (R2), retries do not multiply (R3), pauses spread (R4), breakers work (R17)."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from decant.auth import ServiceTokens, parse_key
from decant.context import CallContext, idempotency_key, use
from decant.contracts import Contract, contract_of
from decant.errors import CircuitOpen, RemoteCallError, Unavailable
from decant.http import get, post
from decant.rpc import Answer, Target, remote_client, transport_named
from decant.rpc.policy import BreakerPolicy, CallPolicy, Edge, Tries, Upstream
from decant.rpc.policy.again import FIRST_PAUSE_S, LONGEST_PAUSE_S
from tests.acceptance.running import service_key
from tests.support.clocks import HandClock
from tests.support.fickle import BARE_503, DROP, HANG, OK, Fickle, Read, fickle
from tests.support.trials import dice, full, record, trials
from tests.support.waiting import wait_until
from tests.trials.chain import ORDER, chain, lines

pytestmark = [pytest.mark.trials, pytest.mark.timeout(900)]

NEVER_OPEN = "breaker = { failure_ratio = 1.0, volume = 1000000 }\n"
"""So that the chain goes on being called: what is tried here is not the breaker."""

DEADLINE_S = 0.3
LATE_S = 0.05
"""How late an effect may begin that was let in just before."""

RATE = 20
LAYERS = 3


class A(Contract, module="a"):
    @post("/a/step", idempotent="natural")
    def step(self, number: int) -> int: ...


class Ledger(Contract, module="ledger"):
    @get("/look")
    def look(self, number: int) -> int: ...

    @post("/plain/<int:number>")
    def plain(self, number: int) -> int: ...

    @post("/keyed/<int:number>", idempotent=True)
    def keyed(self, number: int) -> int: ...


class NoTokens:
    def issue(self, audience: str) -> str:
        return "none"


def client(contract: type[Contract], url: str, tokens: Any, policy: CallPolicy) -> Any:
    info = contract_of(contract)
    assert info is not None
    edge = Edge("trial", Upstream(info.module, (url,), policy.breaker), policy)
    return remote_client(info, Target(info.module, url), transport_named(), tokens, edge)


OFF = BreakerPolicy(failure_ratio=1.0, volume=1_000_000)


def busy() -> bool:
    """Return whether others want this machine's processors too, so that times say more about them."""
    return os.getloadavg()[0] > 2 * (os.cpu_count() or 1)


def unless_busy() -> str:
    """Return what a row says where its times were not judged."""
    return " (not judged: the machine was busy)" if busy() else ""


class Paced:
    """Does something many times, at a rate, whatever each time takes."""

    def __init__(self, rate: float, workers: int) -> None:
        self.rate = rate
        self.pool = ThreadPoolExecutor(workers)

    def run(self, count: int, work: Callable[[int], Any]) -> list[Any]:
        began, jobs = time.monotonic(), []
        for number in range(count):
            time.sleep(max(0.0, began + number / self.rate - time.monotonic()))
            jobs.append(self.pool.submit(work, number))
        try:
            return [job.result(60) for job in jobs]
        finally:
            self.pool.shutdown()


@pytest.mark.serving
def test_no_hop_works_past_the_deadline_of_its_caller(tmp_path: Path) -> None:
    count = trials(1000)
    calls = "".join(f"\n[calls.{name}]\nconcurrency = 128\n{NEVER_OPEN}" for name in ORDER)
    with chain(tmp_path, calls=calls, unbounded=("d",)) as running:
        policy = CallPolicy(concurrency=128, breaker=OFF)
        first = client(A, running.urls["a"], ServiceTokens(parse_key(service_key().encode()), "trial"), policy)
        with use(CallContext(deadline=time.monotonic() + 2)), pytest.raises(RemoteCallError):
            first.step(-1)  # connections and workers are warm from here on

        def call(number: int) -> float:
            began = time.monotonic()
            with use(CallContext(deadline=began + DEADLINE_S)), pytest.raises(RemoteCallError):
                first.step(number)
            return time.monotonic() - began

        took = sorted(Paced(RATE, 64).run(count, call))
        reached = {number for name, number, _ in lines(tmp_path, "deadlines") if name == "d"}
        # The last service wakes long after the deadline: only then is it known what it does about it.
        awake = lambda: {number for name, number in lines(tmp_path, "woken") if name == "d"}  # noqa: E731
        wait_until(lambda: awake() >= reached, within_s=60, what="the last service to wake")
    told: dict[str, dict[str, int]] = {}
    for name, number, given in lines(tmp_path, "deadlines"):
        told.setdefault(number, {})[name] = int(given)
    late = [f"effect after the deadline: {line}" for line in lines(tmp_path, "effects") if float(line[2]) < -LATE_S]
    grown = [
        f"call {number}: {hops}"
        for number, hops in told.items()
        if sorted(hops.values(), reverse=True) != [hops[name] for name in ORDER if name in hops]
        or len(set(hops.values())) != len(hops)
    ]
    p99 = took[max(0, int(count * 0.99) - 1)]
    slow = [] if busy() or p99 <= DEADLINE_S + 0.05 else [f"p99 of the answers {p99 * 1000:.0f} ms"]
    assert len(reached) >= count / 2, f"{len(reached)} of {count} calls came to the last service"
    record(
        "R1",
        promised="Each hop gets less time than its caller has, and none begins an effect more than 50 ms after it is over",
        tried=f"four processes in a row, the last one sleeps 5 s, deadline {DEADLINE_S * 1000:.0f} ms, {RATE} calls a second; p99 of the answers {p99 * 1000:.0f} ms, at most 350{unless_busy()}",
        count=count,
        failures=[*late, *grown, *slow],
        control=f"{len(reached)} handlers woke 4.7 s after their deadline, and went on to their effect",
    )


def test_what_may_not_run_twice_is_never_sent_twice() -> None:
    count, dropped = trials(2000), dice("dropped")
    done: Counter[str] = Counter()
    answers: dict[str, bytes] = {}

    def behave(read: Read) -> bytes:
        key = read.headers.get("idempotency-key")
        if key is None or key not in answers:  # as an operation with a key is run once, and its answer kept
            done[key or read.path] += 1
            answers[key or read.path] = OK
        return DROP if dropped.random() < 0.5 else OK

    with fickle(behave) as server:
        policy = CallPolicy(retry_ratio=1.0, retries_per_s=1000, breaker=OFF)
        ledger = client(Ledger, server.url, NoTokens(), policy)
        outcomes, failures = Counter[str](), list[str]()

        def call(operation: str, number: int) -> None:
            try:
                getattr(ledger, operation)(number)
                outcomes[f"{operation} answered"] += 1
            except Unavailable as error:
                outcomes[f"{operation} lost"] += 1
                failures.extend([] if error.may_have_run else [f"{operation} {number}: told not to have run"])

        def work(number: int) -> None:
            if number % 2:
                call("plain", number)
            else:
                with idempotency_key(f"key-{number}"):
                    call("keyed", number)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(work, range(count)))
        requests_read = len(server.read)
    plain = [read for read in server.read if "idempotency-key" not in read.headers]
    failures += [f"{what}: {times} executions" for what, times in done.items() if times != 1]
    failures += ["a POST without key was sent twice"] * max(0, len(plain) - count // 2)
    failures += [] if len(done) == count else [f"{len(done)} of {count} were executed"]
    # A naive client sends every call again whose answer is lost.
    naive: Counter[str] = Counter()
    with fickle(lambda read: [naive.update([read.path]), DROP if dropped.random() < 0.5 else OK][1]) as server:  # type: ignore[func-returns-value]
        for number in range(50):
            for _ in range(3):
                try:
                    requests.post(f"{server.url}/plain?number={number}", timeout=10)
                    break
                except requests.ConnectionError:
                    continue
    twice = sum(1 for times in naive.values() if times > 1)
    record(
        "R2",
        promised="A POST runs once at most without a key, and once with one, though its answers are lost",
        tried=f"the other side reads each request whole and closes without an answer half of the time; half of the calls with a key; {requests_read:,} requests were read",
        count=count,
        failures=failures,
        control=f"three tries of everything: {twice} of 50 ran more than once",
    )


@pytest.mark.serving
def test_retries_do_not_multiply_over_layers(tmp_path: Path) -> None:
    runs, seconds, rate = trials(5), 60.0 if full() else 5.0, 200.0
    failures: list[str] = []
    seen: list[float] = []
    for run in range(runs):
        with fickle(lambda read: BARE_503) as upstream:
            calls = "".join(f"\n[calls.{name}]\nconcurrency = 256\n{NEVER_OPEN}" for name in ORDER)
            env = {"D_SERVICE_URL": upstream.url}
            with chain(tmp_path / str(run), ORDER[:LAYERS], env=env, calls=calls) as running:
                session = requests.Session()
                session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
                url, statuses = f"{running.urls['a']}/a/look", Counter[int]()

                def ask(number: int) -> None:
                    statuses[session.get(url, params={"number": number}, timeout=30).status_code] += 1  # noqa: B023

                began = time.monotonic()
                Paced(rate, 64).run(int(seconds * rate), ask)
                took = time.monotonic() - began
            asked, arrived = sum(statuses.values()), len(upstream.read)
        # A busy machine turns requests away before; what is promised is about those that came as far as the last layer.
        came = sum(1 for name, _ in lines(tmp_path / str(run), "looks") if name == ORDER[LAYERS - 1])
        seen.append(arrived / came)
        if arrived > 1.2 * came + 10 * (took + 1):
            failures.append(f"{arrived} requests arrived for {came} calls of {asked}")
        if (came < asked / 4 and not busy()) or arrived < came or set(statuses) != {503}:
            failures.append(f"{arrived} requests arrived for {came} calls of {asked}, answers: {dict(statuses)}")
    record(
        "R3",
        promised="At the last of three layers arrive at most 1.2 requests for each, and ten a second on top",
        tried=f"an upstream that answers 503 to everything, {rate:.0f} calls a second for {seconds:.0f} s, breakers off; at most {max(seen):.2f} for each",
        count=runs,
        failures=failures,
        control=f"three tries in each layer: {_naive_layers()} for each",
    )


def _naive_layers() -> float:
    """Return how many requests arrive for each, where every layer tries three times."""

    def layer(following: Callable[[], int]) -> Callable[[], int]:
        def call() -> int:
            status = 0
            for _ in range(3):
                status = following()
                if status < 500:
                    break
            return status

        return call

    with fickle(lambda read: BARE_503) as upstream:
        call = lambda: requests.get(f"{upstream.url}/look", timeout=10).status_code  # noqa: E731
        for _ in range(LAYERS):
            call = layer(call)
        for _ in range(5):
            call()
        return len(upstream.read) / 5


def test_pauses_spread_clients_that_fail_together() -> None:
    rounds, clients, wide = trials(20), 200, 0.04
    random, failures, worst, pauses = dice("jitter"), [], 0.0, list[float]()
    for number in range(rounds):
        times = [at for _ in range(clients) for at in _retried_at(Random(random.random()), pauses)]
        ratio = _bunched(times, wide)
        worst = max(worst, ratio)
        if ratio > 3:
            failures.append(f"round {number}: {ratio:.1f} times the mean")
    if max(pauses) > LONGEST_PAUSE_S:
        failures.append(f"a pause of {max(pauses):.2f} s")
    fixed = [FIRST_PAUSE_S * factor for _ in range(clients) for factor in (1, 3)]
    record(
        "R4",
        promised="Clients that fail together come again spread out: no moment has more than three times the mean, no pause is above 1 s",
        tried=f"{clients} clients that are refused at once, three attempts each; moments of {wide * 1000:.0f} ms, at worst {worst:.1f} times the mean",
        count=rounds,
        failures=failures,
        control=f"pauses that double without jitter: {_bunched(fixed, wide):.1f} times the mean",
    )


def _retried_at(random: Random, pauses: list[float]) -> list[float]:
    """Return when one client tries again, in seconds after the first failure, on a clock of its own."""
    clock, policy, sent = HandClock(), CallPolicy(), list[float]()
    began = clock.monotonic()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.forward(seconds)

    def send(url: str, left_s: float) -> Answer:
        sent.append(clock.monotonic() - began)
        raise Unavailable("refused", may_have_run=False)

    edge = Edge("trial", Upstream("jitter", ("http://x",), OFF), policy, clock=clock, random=random, sleep=sleep)
    with pytest.raises(Unavailable):
        edge.call(send, Tries(), left_s=None, repeatable=True)
    return sent[1:]


def _bunched(times: list[float], wide: float) -> float:
    """Return how many times the mean the fullest moment has, over all moments until the last."""
    moments = Counter(int(at / wide + 1e-9) for at in times)
    return max(moments.values()) / (len(times) / (max(moments) + 1))


class Load:
    """Calls an address again and again, and notes what became of it."""

    def __init__(self, url: str, policy: CallPolicy, rate: float = 20.0) -> None:
        self.calls = client(Ledger, url, NoTokens(), policy)
        self.rate = rate
        self.over = threading.Event()
        self.seen: list[tuple[float, float, str]] = []
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(10)

    def _run(self) -> None:
        while not self.over.wait(len(self.threads) / self.rate):
            began = time.monotonic()
            try:
                self.calls.look(1)
                what = "ok"
            except CircuitOpen:
                what = "open"
            except RemoteCallError:
                what = "failed"
            self.seen.append((began, time.monotonic() - began, what))

    def first(self, what: str, since: float) -> float | None:
        return next((at + took for at, took, seen in sorted(self.seen) if seen == what and at >= since), None)

    def p99(self, since: float, until: float) -> float:
        times = sorted(took for at, took, what in self.seen if since <= at < until and what == "ok")
        return times[int(len(times) * 0.99)] if times else 0.0


def test_a_breaker_opens_probes_and_closes_and_leaves_others_alone() -> None:
    count, down_s, at_once = trials(20), 30.0 if full() else 6.0, 4
    failures: list[str] = []
    opened: list[float] = []
    closed: list[float] = []
    for start in range(0, count, at_once):
        numbers = range(start, min(start + at_once, count))
        with fickle() as other:
            calm = Load(other.url, CallPolicy())
            with ThreadPoolExecutor(at_once) as pool:
                found = list(pool.map(lambda number: _die_and_return(number, down_s), numbers))
            calm.stop()
        for faults, open_s, close_s in found:
            failures += faults
            opened.append(open_s)
            closed.append(close_s)
        wrong = [what for _, _, what in calm.seen if what != "ok"]
        failures += [f"another upstream's calls: {Counter(wrong)}"] if wrong else []
        failures += [] if busy() else _slower(calm, down_s)
    record(
        "R17",
        promised="Calls to an upstream that died stop within 2 s, one a second tries, they go on within 5 s of its return, and others notice nothing",
        tried=f"dead for {down_s:.0f} s, in turn killed and hanging, {at_once} at a time, 20 calls a second each; opened after {statistics.median(opened):.1f} s, at worst {max(opened):.1f}, closed after {statistics.median(closed):.1f} s, at worst {max(closed):.1f}; p99 of others at most 1.2 times that before{unless_busy()}",
        count=count,
        failures=failures,
        control=f"without a breaker all of the 20 calls a second go there, for {down_s:.0f} s",
    )


WARM_S = 4.0


def _die_and_return(number: int, down_s: float) -> tuple[list[str], float, float]:
    """Let one upstream die and come back under load; return what was wrong, and when its breaker opened and closed."""
    failures = []
    server = Fickle()
    server.start()
    load = Load(server.url, CallPolicy(timeout_s=0.5))
    try:
        wait_until(lambda: len(load.seen) > RATE * WARM_S, within_s=60, what="load before the fault")
        died = time.monotonic()
        _die(server, hanging=number % 2 == 1)
        wait_until(lambda: time.monotonic() > died + down_s, within_s=down_s + 30, what="the outage")
        back = time.monotonic()
        _return(server)
        try:
            wait_until(lambda: load.first("ok", back) is not None, within_s=20, what="a call that succeeds")
        except AssertionError as error:
            return [f"{number}: {error}"], down_s, 20.0
    finally:
        load.stop()
        server.close()
    open_s = (load.first("open", died) or died + down_s) - died
    close_s = (load.first("ok", back) or back + 20) - back
    tried = [at for at, _, what in load.seen if died + open_s < at < back and what != "open"]
    if open_s > 2:
        failures.append(f"{number}: opened after {open_s:.1f} s")
    if len(tried) > back - died - open_s + 1:
        failures.append(f"{number}: {len(tried)} probes in {back - died - open_s:.1f} s")
    if close_s > 5:
        failures.append(f"{number}: closed after {close_s:.1f} s")
    return failures, open_s, close_s


def _die(server: Fickle, *, hanging: bool) -> None:
    if hanging:
        server.behave = lambda read: HANG
    else:
        server.stop()


def _return(server: Fickle) -> None:
    server.behave = lambda read: OK
    if server._listener is None:
        server.start()


def _slower(calm: Load, down_s: float) -> list[str]:
    """Compare another upstream's answers before and during the outage."""
    began = min(at for at, _, _ in calm.seen)
    before = calm.p99(began + 0.5, began + WARM_S)
    during = calm.p99(began + WARM_S, began + WARM_S + down_s)
    # Four loads and their servers share this process: below 20 ms its own threads are what is measured.
    if during <= max(before * 1.2, 0.02):
        return []
    return [f"another upstream's p99 {before * 1000:.1f} ms before, {during * 1000:.1f} ms during"]
