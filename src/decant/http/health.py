"""Is it alive, is it ready, is it well: every dependency asked in parallel, with a deadline, at most once a second.

================== ==================================================================================
``/health``         a service by itself: ``{"status": "healthy", "checks": {…}}``, 503 when it is not;
                    at the public address ``{"gateway": "healthy", "services": {…}}``, always 200
``/health/live``    200 as long as the process answers: restart it otherwise
``/health/ready``   200, or a 503 problem while a critical check fails or the process is stopping
================== ==================================================================================
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, json

from decant.clock import Clock, SystemClock
from decant.errors import SetupError
from decant.http.problem import ProblemDocument, problem_response

DRAINING = "decant.draining"
"""``app.extensions`` key of the event that is set when the process begins to stop."""

CACHE_S = 1.0
PATHS = ("/health", "/health/live", "/health/ready")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that a service needs.

    Attributes:
        name: What it is called in answers.
        ask: Returns when it is well; raises, or returns False, when it is not.
        timeout_s: Seconds after which no answer is a bad one.
        critical: Whether the service is not ready without it.
    """

    name: str
    ask: Callable[[], Any]
    timeout_s: float = 1.0
    critical: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: The check.
        well: Whether all is well.
        reason: Why not, in a few words without details that outsiders should not have; "" when well.
    """

    check: HealthCheck
    well: bool
    reason: str = ""


class _Run:
    """One run of a check, in a thread of its own. A hanging one is left behind: nobody waits for it twice."""

    __slots__ = ("deadline", "done", "ended", "finding")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.done = threading.Event()
        self.ended = 0.0
        self.finding: Finding | None = None


class _Probe:
    def __init__(self, check: HealthCheck, clock: Clock, cache_s: float) -> None:
        self._check = check
        self._clock = clock
        self._cache_s = cache_s
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def begin(self) -> _Run:
        """Return the run whose answer counts now: a fresh one, the one in progress, or a new one."""
        with self._lock:
            run, now = self._run, self._clock.monotonic()
            if run is not None and (not run.done.is_set() or now - run.ended < self._cache_s):
                return run
            self._run = run = _Run(now + self._check.timeout_s)
        # Daemons, so that a check which hangs does not keep the process from ending.
        threading.Thread(target=self._ask, args=(run,), name=f"health-{self._check.name}", daemon=True).start()
        return run

    def _ask(self, run: _Run) -> None:
        try:
            well = self._check.ask() is not False
            run.finding = Finding(self._check, well, "" if well else "failed")
        except Exception as error:  # noqa: BLE001 - whatever a check raises says that it failed
            log.warning("the health check %s failed: %s: %s", self._check.name, type(error).__name__, error)
            run.finding = Finding(self._check, False, "failed")
        run.ended = self._clock.monotonic()
        run.done.set()

    def result(self, run: _Run) -> Finding:
        """Wait for a run, no longer than its deadline."""
        if run.done.wait(max(0.0, run.deadline - self._clock.monotonic())) and run.finding is not None:
            return run.finding
        return Finding(self._check, False, f"no answer within {self._check.timeout_s:g} s")


class HealthRegistry:
    """The checks of one application.

    Args:
        checks: The checks to begin with.
        cache_s: Seconds for which an answer is good, however many ask.
        clock: Tells how old an answer is.

    Thread-safety:
        Any thread may ask. A check never runs twice at the same time; one that hangs occupies one
        thread and is reported as failed until it comes back.
    """

    def __init__(
        self, checks: Iterable[HealthCheck] = (), *, cache_s: float = CACHE_S, clock: Clock | None = None
    ) -> None:
        self._cache_s = cache_s
        self._clock = clock or SystemClock()
        self._probes: dict[str, _Probe] = {}
        for check in checks:
            self.add(check)

    def add(self, check: HealthCheck) -> None:
        """Add a check.

        Raises:
            SetupError: When there is one of that name.
        """
        if check.name in self._probes:
            raise SetupError(f"There are two health checks named {check.name!r}.", hint="Give one another name.")
        self._probes[check.name] = _Probe(check, self._clock, self._cache_s)

    def run(self) -> Sequence[Finding]:
        """Ask all checks in parallel; takes no longer than the longest timeout."""
        running = [(probe, probe.begin()) for probe in self._probes.values()]
        return [probe.result(run) for probe, run in running]


def install_health(
    app: Flask,
    checks: HealthRegistry | Iterable[HealthCheck] = (),
    *,
    edge: Iterable[HealthCheck] | None = None,
) -> HealthRegistry:
    """Add the health routes to an application; a path that it has already stays its own.

    Args:
        app: Any Flask application.
        checks: What the service needs.
        edge: At the public address: one check per module, answered as ``services``.

    Returns:
        The registry, to add checks to.
    """
    registry = checks if isinstance(checks, HealthRegistry) else HealthRegistry(checks)
    modules = None if edge is None else HealthRegistry(edge)

    def health() -> Response:
        return _edge_answer(modules) if modules is not None else _own_answer(registry)

    def health_live() -> Response:
        return _answer({"status": "alive"})

    def health_ready() -> Response:
        event = app.extensions.get(DRAINING)
        return _ready_answer(registry, draining=event is not None and event.is_set())

    taken = {rule.rule for rule in app.url_map.iter_rules()}
    for path, view in zip(PATHS, (health, health_live, health_ready), strict=True):
        if path not in taken:
            app.add_url_rule(path, f"decant_{view.__name__}", view, methods=["GET"])
    app.extensions["decant.health"] = registry
    return registry


def _answer(document: Mapping[str, Any], status: int = 200) -> Response:
    response = Response(json.dumps(document), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _own_answer(registry: HealthRegistry) -> Response:
    findings = registry.run()
    well = not _critical(findings)
    document = {"status": "healthy" if well else "unhealthy", "checks": _checks(findings)}
    return _answer(document, 200 if well else 503)


def _edge_answer(modules: HealthRegistry) -> Response:
    return _answer({"gateway": "healthy", "services": _checks(modules.run())})


def _ready_answer(registry: HealthRegistry, *, draining: bool) -> Response:
    findings = [] if draining else registry.run()
    failed = _critical(findings)
    if not draining and not failed:
        return _answer({"status": "ready", "checks": _checks(findings)})
    reasons = [f"{finding.check.name}: {finding.reason}" for finding in failed]
    response = problem_response(
        ProblemDocument(
            status=503,
            code="not-ready",
            title="Not ready",
            type="urn:problem-type:not-ready",
            detail="The process is stopping." if draining else "; ".join(reasons),
            fields={"checks": _checks(findings)} if findings else {},
            headers=(("Retry-After", "1"),),
        )
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _critical(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.check.critical and not finding.well]


def _checks(findings: Iterable[Finding]) -> dict[str, bool]:
    return {finding.check.name: finding.well for finding in findings}
