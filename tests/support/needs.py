"""Pytest plugin: what a test needs of the machine, and what happens where that is missing.

A test says it by a marker (``@pytest.mark.postgres``) or by a fixture (``postgres_url``). Locally it
is skipped, with one loud line at the end of the run; under ``CI=true`` it fails, because nobody
reads skips there.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Need:
    """Something outside of Python.

    Args:
        marker: The marker that asks for it.
        name: Its name in words.
        fixtures: Fixtures that ask for it, too.
        where: Where it is looked for, read when it is asked.
        present: Whether it is there.
        cure: What to do where it is not.
    """

    marker: str
    name: str
    fixtures: frozenset[str]
    where: Callable[[], str]
    present: Callable[[str], bool]
    cure: str

    def missing(self) -> str | None:
        """Return a sentence where it is missing."""
        where = self.where()
        return None if self.present(where) else f"{self.name} is not at {where} ({self.cure})"


def address(marker: str, port: int) -> Callable[[], str]:
    """Return a function that reads ``DECANT_TEST_<MARKER>``, by default the usual port on this machine."""
    return lambda: os.environ.get(f"DECANT_TEST_{marker.upper()}", f"127.0.0.1:{port}")


def answers(where: str) -> bool:
    """Return whether something listens at ``host:port``."""
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True


def server(marker: str, name: str, port: int, cure: str) -> Need:
    """Return the need for a server."""
    fixtures = frozenset({f"{marker}_address", f"{marker}_url"})
    return Need(marker, name, fixtures, address(marker, port), answers, cure)


def chromium() -> str:
    """Return the path of the browser."""
    return os.environ.get("DECANT_CHROMIUM", "/usr/bin/chromium")


NEEDS = (
    server("postgres", "PostgreSQL", 5432, "Debian: pg_ctlcluster 15 main start"),
    server("mariadb", "MariaDB", 3306, "Debian: service mariadb start"),
    server("redis", "Redis", 6379, "redis-server --daemonize yes"),
    server("rabbitmq", "RabbitMQ", 5672, "rabbitmq-server -detached"),
    server("nats", "NATS", 4222, "nats-server -js -a 127.0.0.1"),
    Need(
        "browser",
        "Chromium",
        frozenset({"page", "context", "browser"}),
        chromium,
        lambda where: Path(where).is_file(),
        "Debian: apt install chromium fonts-dejavu-core",
    ),
)

_missing = pytest.StashKey[dict[str, str | None]]()
_untested = pytest.StashKey["Counter[str]"]()


def on_ci() -> bool:
    """Return whether this is a run that must leave nothing out."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def needs_of(item: pytest.Item) -> Iterable[Need]:
    """Return what a test asks for, by marker or by fixture."""
    asked = frozenset(getattr(item, "fixturenames", ()))
    return [need for need in NEEDS if item.get_closest_marker(need.marker) or asked & need.fixtures]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_missing] = {}
    config.stash[_untested] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for need in needs_of(item):
            item.add_marker(need.marker)
    # The browser's driver keeps an event loop running in this thread until the end: other tests could not use theirs.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    known = item.config.stash[_missing]
    for need in needs_of(item):
        if need.marker not in known:
            known[need.marker] = need.missing()
        reason = known[need.marker]
        if reason is None:
            continue
        if on_ci():
            pytest.fail(f"{reason}; under CI nothing is skipped.", pytrace=False)
        item.config.stash[_untested][reason] += 1
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    untested = config.stash[_untested]
    if untested:
        parts = "; ".join(f"{count} because {reason}" for reason, count in sorted(untested.items()))
        terminalreporter.write_line(f"NOT TESTED HERE: {parts}", red=True, bold=True)
