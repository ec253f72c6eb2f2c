"""The latest log lines of each request."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from decant.context import CallContext, use
from decant.observe.failures import RecentLines
from decant.observe.logging import configure, remember


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure("INFO", "json", stream=io.StringIO())
    yield logging.getLogger("shop")
    root.handlers[:], root.level = before, level
    logging.captureWarnings(False)


def request(number: int = 1) -> CallContext:
    return CallContext(trace_id="a" * 32, request_id=f"r{number}")


def messages(recent: RecentLines) -> list[str]:
    return [line.message for line in recent.of_request()]


def test_each_request_has_its_own_lines_in_order(logger: logging.Logger) -> None:
    recent = RecentLines("shop")
    remember(recent.keep)
    for number in (1, 2):
        with use(request(number)):
            logger.info("first of %d", number)
            logger.warning("second of %d", number)
    with use(request(1)):
        assert messages(recent) == ["first of 1", "second of 1"]
        assert [(line.service, line.level, line.logger) for line in recent.of_request()] == [
            ("shop", "info", "shop"),
            ("shop", "warning", "shop"),
        ]
    with use(request(3)):
        assert messages(recent) == []


def test_no_more_lines_are_kept_than_may_be_of_no_more_requests(logger: logging.Logger) -> None:
    recent = RecentLines(lines=3, requests=2)
    remember(recent.keep)
    for number in range(5):
        with use(request(number)):
            for line in range(10):
                logger.info("%d %d %s", number, line, "x" * 5000)
    with use(request(2)):
        assert messages(recent) == []
    for number in (3, 4):
        with use(request(number)):
            kept = messages(recent)
            assert [text[:3] for text in kept] == [f"{number} 7", f"{number} 8", f"{number} 9"]
            assert max(map(len, kept)) <= 300


def test_what_is_logged_outside_of_requests_is_not_kept(logger: logging.Logger) -> None:
    recent = RecentLines()
    remember(recent.keep)
    logger.info("starting")
    assert messages(recent) == []


def test_secrets_are_hidden_and_wrong_formats_shown(logger: logging.Logger) -> None:
    recent = RecentLines()
    remember(recent.keep)
    with use(request()):
        logger.info("password=canary-1")
        recent.keep(logging.makeLogRecord({"name": "shop", "levelname": "INFO", "msg": "%d", "args": ("no number",)}))
        assert messages(recent)[0] == "password=***"
        assert "no number" in messages(recent)[1]
