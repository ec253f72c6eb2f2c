"""Health answers in time, whatever the things that are asked do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from decant.errors import SetupError
from decant.http.health import DRAINING, HealthCheck, HealthRegistry, install_health
from decant.http.problem import install_problems


class StoppedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Let hanging checks go when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def fails() -> None:
    raise ConnectionError("postgres://shop:canary@db is down")


def client(*checks: HealthCheck, edge: Any = None) -> Any:
    app = Flask(__name__)
    install_problems(app, expose=False)
    install_health(app, checks, edge=edge)
    return app.test_client()


def names(registry: HealthRegistry) -> dict[str, bool]:
    return {finding.check.name: finding.well for finding in registry.run()}


@pytest.mark.parametrize(
    ("ask", "well"),
    [(lambda: None, True), (lambda: True, True), (lambda: 0, True), (lambda: False, False), (fails, False)],
)
def test_a_check_is_well_unless_it_raises_or_says_false(ask: Callable[[], Any], well: bool) -> None:
    assert names(HealthRegistry([HealthCheck("db", ask)])) == {"db": well}


def test_checks_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=5)
    checks = [HealthCheck(f"c{number}", lambda: barrier.wait() >= 0, timeout_s=10) for number in range(3)]
    assert names(HealthRegistry(checks)) == {"c0": True, "c1": True, "c2": True}


def test_a_check_that_hangs_is_left_after_its_deadline(release: threading.Event) -> None:
    registry = HealthRegistry(
        [HealthCheck("db", lambda: release.wait(30), timeout_s=0.1), HealthCheck("fine", lambda: None)]
    )
    began = time.monotonic()
    findings = registry.run()
    assert time.monotonic() - began < 2
    assert [(finding.well, finding.reason) for finding in findings] == [(False, "no answer within 0.1 s"), (True, "")]


def test_a_check_that_hangs_holds_one_thread_however_often_it_is_asked(release: threading.Event) -> None:
    started = []
    registry = HealthRegistry(
        [HealthCheck("db", lambda: (started.append(1), release.wait(30)), timeout_s=0.05)], cache_s=0
    )
    began = time.monotonic()
    for _ in range(20):
        assert names(registry) == {"db": False}
    assert len(started) == 1
    assert time.monotonic() - began < 2


def test_an_answer_is_good_for_a_while() -> None:
    clock, asked = StoppedClock(), []
    registry = HealthRegistry([HealthCheck("db", lambda: asked.append(1))], cache_s=1.0, clock=clock)
    registry.run()
    clock.seconds += 0.9
    registry.run()
    assert len(asked) == 1
    clock.seconds += 0.2
    registry.run()
    assert len(asked) == 2


def test_two_checks_of_one_name_are_refused() -> None:
    with pytest.raises(SetupError, match="two health checks named 'db'"):
        HealthRegistry([HealthCheck("db", fails), HealthCheck("db", fails)])


def test_a_service_says_how_it_is() -> None:
    answer = client(HealthCheck("db", lambda: None)).get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "healthy", "checks": {"db": True}})
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_service_without_something_critical_is_unhealthy() -> None:
    answer = client(HealthCheck("db", fails), HealthCheck("cache", lambda: None)).get("/health")
    assert (answer.status_code, answer.json) == (503, {"status": "unhealthy", "checks": {"db": False, "cache": True}})


def test_what_is_not_critical_is_told_and_does_no_harm() -> None:
    web = client(HealthCheck("cache", fails, critical=False))
    assert (web.get("/health").status_code, web.get("/health").json["checks"]) == (200, {"cache": False})
    assert web.get("/health/ready").status_code == 200


def test_the_edge_answers_200_with_a_key_per_module(release: threading.Event) -> None:
    edge = [
        HealthCheck("auth", lambda: None),
        HealthCheck("cart", fails),
        HealthCheck("slow", lambda: release.wait(30), timeout_s=0.05),
    ]
    answer = client(HealthCheck("db", fails), edge=edge).get("/health")
    assert answer.status_code == 200
    assert answer.json == {"gateway": "healthy", "services": {"auth": True, "cart": False, "slow": False}}


def test_live_asks_nothing() -> None:
    answer = client(HealthCheck("db", fails)).get("/health/live")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})


def test_ready_is_a_problem_while_something_critical_fails() -> None:
    answer = client(HealthCheck("db", fails), HealthCheck("queue", lambda: None)).get("/health/ready")
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert (answer.json["code"], answer.json["checks"]) == ("not-ready", {"db": False, "queue": True})
    assert answer.json["detail"] == "db: failed"
    assert (answer.headers["Retry-After"], answer.headers["Cache-Control"]) == ("1", "no-store")


def test_answers_tell_no_details_of_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    web = client(HealthCheck("db", fails))
    assert "canary" not in web.get("/health").text + web.get("/health/ready").text
    assert "the health check db failed" in caplog.text


def test_a_stopping_process_is_not_ready_and_still_alive() -> None:
    web = client(HealthCheck("db", lambda: None))
    stopping = web.application.extensions[DRAINING] = threading.Event()
    assert web.get("/health/ready").status_code == 200
    stopping.set()
    answer = web.get("/health/ready")
    assert (answer.status_code, answer.json["detail"]) == (503, "The process is stopping.")
    assert web.get("/health/live").status_code == 200


def test_a_path_that_the_application_has_stays_its_own() -> None:
    app = Flask(__name__)
    app.add_url_rule("/health", "mine", lambda: "mine")
    install_health(app)
    assert app.test_client().get("/health").text == "mine"
    assert app.test_client().get("/health/ready").json == {"status": "ready", "checks": {}}


def test_checks_can_be_added_later() -> None:
    app = Flask(__name__)
    registry = install_health(app)
    registry.add(HealthCheck("late", lambda: None))
    assert app.test_client().get("/health").json["checks"] == {"late": True}
