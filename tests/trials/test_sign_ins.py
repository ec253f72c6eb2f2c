"""Sign-ins are slow on purpose, and nobody else waits for them (S1)."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.acceptance.running import Running
from tests.support.trials import full, record, trials
from tests.trials.replicas import replicas

pytestmark = [pytest.mark.trials, pytest.mark.serving]
SIGN_INS_PER_S, READS_PER_S = 100, 40
RUN_S = 3
OTHERS_P99_S = 1.0
PERSON = {"subject": "ada", "password": "correct horse battery"}


@dataclass
class Seen:
    """What clients saw in one run."""

    reads: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.reads, n=100)[98]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with replicas(tmp_path) as made:
        yield made


def read(url: str, http: requests.Session, seen: Seen) -> None:
    began = time.monotonic()
    answer = http.get(f"{url}/public", timeout=30)
    seen.reads.append(time.monotonic() - began)
    if answer.status_code != 200:
        seen.faults.append(f"reading: {answer.status_code}")


def sign_in(url: str, path: str, http: requests.Session, seen: Seen) -> None:
    answer = http.post(f"{url}/{path}", json=PERSON, timeout=60)
    seen.statuses[answer.status_code] += 1
    if answer.status_code not in {200, 503}:
        seen.faults.append(f"signing in: {answer.status_code}")
    if answer.status_code == 503 and not answer.headers.get("Retry-After"):
        seen.faults.append("503 without Retry-After")


def offer(url: str, path: str, sign_ins_per_s: int) -> Seen:
    """Offer sign-ins and reads at their rates, whether or not those before were answered."""
    seen, http = Seen(), requests.Session()
    http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=200))
    due = [(number / READS_PER_S, partial(read, url, http, seen)) for number in range(RUN_S * READS_PER_S)]
    due.extend(
        (number / sign_ins_per_s, partial(sign_in, url, path, http, seen)) for number in range(RUN_S * sign_ins_per_s)
    )
    began = time.monotonic()
    with ThreadPoolExecutor(200) as threads:
        for at, call in sorted(due, key=lambda one: one[0]):
            time.sleep(max(0.0, began + at - time.monotonic()))  # the rate is the load, not a wait for something
            threads.submit(call)
    return seen


def test_a_hundred_sign_ins_a_second_starve_nobody(service: Running) -> None:
    url, runs, failures = service.urls["one"], trials(20), []
    assert requests.post(f"{url}/accounts", json=PERSON, timeout=5).status_code == 201
    idle, statuses, slowest = offer(url, "passwords", 0), Counter[int](), 0.0
    for number in range(runs):
        seen = offer(url, "passwords", SIGN_INS_PER_S)
        statuses, slowest = statuses + seen.statuses, max(slowest, seen.p99)
        failures += [f"run {number}: {fault}" for fault in seen.faults]
        if seen.p99 > OTHERS_P99_S:
            failures.append(f"run {number}: others waited {seen.p99:.3f} s (p99)")
        if seen.statuses[200] < RUN_S:
            failures.append(f"run {number}: hardly anybody signed in: {seen.statuses}")
    control = ""
    if full():
        without = offer(url, "passwords/unbounded", SIGN_INS_PER_S)
        control = f"without the bound on hashes p99 {without.p99 * 1000:,.0f} ms"
    told = f"{statuses[200]} signed in, {statuses[503]} were told to come again"
    record(
        "S1",
        promised=f"Sign-ins starve nobody: the others' p99 stays below {OTHERS_P99_S:g} s, and who is not let in gets 503 with Retry-After",
        tried=f"runs of {RUN_S} s at {SIGN_INS_PER_S} sign-ins and {READS_PER_S} reads a second on one process; p99 of reads idle {idle.p99 * 1000:.0f} ms, at worst {slowest * 1000:.0f} ms; {told}",
        count=runs,
        failures=failures,
        control=control,
    )
