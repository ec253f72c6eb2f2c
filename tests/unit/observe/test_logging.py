"""Log lines are one safe line each, tell the call they belong to, and give no secret away."""

from __future__ import annotations

import enum
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from decant.context import CallContext, Caller, use
from decant.errors import SettingsError
from decant.observe.logging import (
    AccessLog,
    JsonFormatter,
    LineHandler,
    LineSink,
    PrettyFormatter,
    access_log,
    clean,
    configure,
    configured,
    mask_text,
)
from decant.observe.logging.clock import rfc3339

CONTEXT = CallContext(
    "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", request_id="r-1", caller=Caller("u-1", "orders")
)
logger = logging.getLogger("shop.test")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def lines(root: logging.Logger) -> io.StringIO:
    stream = io.StringIO()
    configure("DEBUG", "json", service="shop", stream=stream, environ={})
    return stream


def read(stream: io.StringIO) -> dict[str, Any]:
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    line: dict[str, Any] = json.loads(text)
    return line


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("shop", logging.INFO, "x.py", 1, message, args, None)
    vars(made).update(extra)
    return made


def test_a_line_tells_when_who_and_what(lines: io.StringIO) -> None:
    logger.warning("sold %s of %s", 2, "p1", extra={"order_id": "o-1"})
    line = read(lines)
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "warning", "logger": "shop.test", "message": "sold 2 of p1", "service": "shop", "order_id": "o-1",
    }  # fmt: skip


def test_within_a_call_a_line_names_it(lines: io.StringIO) -> None:
    with use(CONTEXT):
        logger.info("hello")
    line = read(lines)
    assert (line["request_id"], line["trace_id"], line["span_id"]) == ("r-1", CONTEXT.trace_id, CONTEXT.span_id)
    assert line["caller"] == {"subject": "u-1", "service": "orders"}


def test_an_exception_is_fields_and_its_stack_text(lines: io.StringIO) -> None:
    try:
        raise ValueError("password=hunter2 is\nwrong")
    except ValueError:
        logger.exception("failed")
    exception = read(lines)["exception"]
    assert exception["type"] == "ValueError"
    assert exception["message"] == "password=*** is\nwrong"
    assert exception["stacktrace"].startswith("Traceback (most recent call last):\n")
    assert "hunter2" not in lines.getvalue()


def test_what_an_extra_is_called_cannot_overwrite_the_lines_own_fields(lines: io.StringIO) -> None:
    logger.info("hello", extra={"level": "none", "trace_id": "forged", "time": "never"})
    line = read(lines)
    assert (line["level"], line["level_"], line["trace_id_"], line["time_"]) == ("info", "none", "forged", "never")


@pytest.mark.parametrize(
    "key",
    ["password", "Authorization", "COOKIE", "set-cookie", "access_token", "api_key", "X-Api-Key", "client_secret", "apikey", "private_key", "session_id", "card_number", "cvv"],
)  # fmt: skip
def test_secrets_are_hidden_by_their_name_at_any_depth(key: str) -> None:
    value = {"outer": [{"inner": {key: "canary", "kept": 1}}]}
    shown = clean("x", value)
    assert shown == {"outer": [{"inner": {key: "***", "kept": 1}}]}
    assert clean(key, {"any": "canary"}) == "***"
    assert clean(key, None) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://shop:can/a@ry@db:5432/x", "postgres://shop:***@db:5432/x"),
        ("redis://:canary@cache", "redis://:***@cache"),
        ("Authorization: Bearer canarycanary", "Authorization: ***"),
        ("got Bearer canary.canary-canary", "got Bearer ***"),
        ("Cookie: a=canary; b=canary", "Cookie: ***"),
        ("password=canary&x=1", "password=***&x=1"),
        ('{"password": "canary canary", "x": 1}', '{"password": ***, "x": 1}'),
        ("access_token='canary canary' x", "access_token=*** x"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.canary", "***"),
        ("card 4111 1111 1111 1111 refused", "card *** refused"),
        ("5500-0055-5555-5559", "***"),
        ("order 4111111111111112 and 1700000000000000001 ns", "order 4111111111111112 and 1700000000000000001 ns"),
        (
            "(sqlite3.Error) [SQL: INSERT] [parameters: ('canary', 1)]\nnext",
            "(sqlite3.Error) [SQL: INSERT] [parameters: ***\nnext",
        ),
        (
            "[type=int_parsing, input_value='canary', input_type=str]",
            "[type=int_parsing, input_value=***, input_type=str]",
        ),
        ("nothing to hide at http://shop.example/x?y=1", "nothing to hide at http://shop.example/x?y=1"),
    ],
)
def test_credentials_in_running_text_are_hidden(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "password" * 2000,
        "a" * 16_000 + " token",
        "eyJ-" * 4000,
        "x://" * 4000,
        "token = '" * 1800,
        "a-" * 8000 + "secret",
    ],
)
def test_hostile_text_is_masked_in_linear_time(text: str) -> None:
    began = time.process_time()
    mask_text(text)
    assert time.process_time() - began < 0.5


class Colour(enum.Enum):
    RED = "red"


class Account(BaseModel):
    name: str
    password: str
    key: SecretStr


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (SecretStr("canary"), "***"),
        (4111111111111111, "***"),
        (1700000000000000001, 1700000000000000001),
        (Account(name="a", password="canary", key=SecretStr("canary")), {"name": "a", "password": "***", "key": "***"}),
        (b"canary", "<6 bytes>"),
        (2**70, hex(2**70)),
        (date(2026, 11, 21), "2026-11-21"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        ({1: 2}, {"1": 2}),
        ((1, 2), [1, 2]),
        ("\ud800x", "\\ud800x"),
        (Hostile(), "<Hostile that cannot be shown>"),
        (ValueError("token=canary"), "ValueError: token=***"),
    ],
)
def test_every_value_becomes_plain_json(value: Any, shown: Any) -> None:
    assert clean("x", value) == shown


def test_values_that_contain_themselves_and_long_ones_are_cut() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "too deep" in json.dumps(clean("x", loop))
    assert len(clean("x", "a" * 100_000)) < 20_000
    assert len(clean("x", list(range(100_000)))) == 200


@pytest.mark.parametrize("args", [(1,), (1, 2, 3), ({"a": 1},), (Hostile(),)])
def test_a_format_that_does_not_fit_its_arguments_is_shown(args: tuple[Any, ...]) -> None:
    line = json.loads(JsonFormatter().line(record("%d and %d", *args)))
    assert "%d and %d" in line["message"]


def test_a_record_beyond_help_still_leaves_a_line() -> None:
    line = json.loads(JsonFormatter().line(record("x", name=Hostile())))
    assert "cannot be written" in line["message"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
UNSAFE = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066]


@given(message=st.text(), name=st.text(min_size=1), value=anything)
def test_no_value_breaks_a_json_line_or_reaches_a_terminal(message: str, name: str, value: Any) -> None:
    line = JsonFormatter().line(record("%s", message, **{f"x{name}": value})).decode()
    assert line.endswith("\n")
    assert not any(chr(code) in line[:-1] for code in UNSAFE)
    json.loads(line)


@given(message=st.text(), name=st.text(min_size=1), value=anything)
def test_no_value_breaks_a_pretty_line_or_reaches_a_terminal(message: str, name: str, value: Any) -> None:
    line = PrettyFormatter().line(record("%s", message, **{f"x{name}": value})).decode()
    assert line.endswith("\n")
    assert not any(chr(code) in line[:-1] for code in UNSAFE)


def test_a_traceback_on_a_terminal_keeps_its_lines_and_shows_escapes() -> None:
    try:
        raise ValueError("\x1b[2J\rgone")
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    text = PrettyFormatter().line(made).decode()
    assert "\n    Traceback (most recent call last):\n" in text
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\\x1b[2J\\x0dgone" in text


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_colours_follow_the_environment(root: logging.Logger, environ: dict[str, str], coloured: bool) -> None:
    stream = io.StringIO()
    configure(format="pretty", stream=stream, environ=environ)
    logger.info("hello")
    assert ("\x1b[" in stream.getvalue()) is coloured


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_a_terminal_gets_pretty_lines(root: logging.Logger, environ: dict[str, str], coloured: bool) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream:
        configure(stream=stream, environ=environ)
        logger.info("hello")
        text = os.read(ours, 4096).decode()
    os.close(ours)
    assert "hello" in text
    assert not text.startswith("{")
    assert ("\x1b[" in text) is coloured


def test_configuring_again_replaces_what_was_before(root: logging.Logger) -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(stream=first, environ={})
    configure(stream=second, environ={})
    logger.info("hello")
    assert (first.getvalue(), second.getvalue().count("\n")) == ("", 1)
    assert configured()


@pytest.mark.parametrize("arguments", [{"level": "LOUD"}, {"format": "xml"}])
def test_a_wrong_level_or_format_is_refused(root: logging.Logger, arguments: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="does not exist: use"):
        configure(**arguments)


def test_a_reader_that_went_away_does_not_stop_the_service(root: logging.Logger) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        configure(stream=stream, environ={})
        logger.info("hello")


def test_lines_of_many_threads_do_not_mix(root: logging.Logger, tmp_path) -> None:
    with (tmp_path / "log").open("w") as stream:
        configure(format="json", stream=stream, environ={})
        threads = [threading.Thread(target=lambda: [logger.info("x" * 500) for _ in range(200)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = (tmp_path / "log").read_text().splitlines()
    assert len(written) == 800
    assert all(json.loads(line)["message"] == "x" * 500 for line in written)


def test_an_access_line_has_the_fields_of_the_others(lines: io.StringIO) -> None:
    access_log().write(CONTEXT, "GET", "/p/<id>", "/p/1", 200, 0.0015, 12)
    line = read(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "logger": "decant.access", "message": "GET /p/1 200", "service": "shop", "request_id": "r-1",
        "trace_id": CONTEXT.trace_id, "span_id": CONTEXT.span_id, "caller": {"subject": "u-1", "service": "orders"},
        "method": "GET", "route": "/p/<id>", "path": "/p/1", "status": 200, "duration_ms": 1.5, "bytes": 12,
    }  # fmt: skip


@given(path=st.text())
def test_no_path_breaks_an_access_line(path: str) -> None:
    for formatter in (JsonFormatter("shop"), PrettyFormatter("shop")):
        stream = io.StringIO()
        AccessLog(LineSink(stream), formatter).write(CONTEXT, "GET", "/", path, 200, 0.001, None)
        assert stream.getvalue().endswith("\n")
        assert not any(chr(code) in stream.getvalue()[:-1] for code in UNSAFE)


def test_before_configure_access_lines_go_through_their_logger(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        access_log().write(CONTEXT, "GET", "/p/<id>", "/p/1", 200, 0.0015, 12)
    (seen,) = caplog.records
    assert (seen.name, seen.getMessage(), vars(seen)["route"]) == ("decant.access", "GET /p/1 200", "/p/<id>")


def test_times_are_rfc_3339_in_utc() -> None:
    assert rfc3339(1_700_000_000.9996) == "2023-11-14T22:13:20.999Z"
    assert rfc3339(1_700_000_001.0) == "2023-11-14T22:13:21.000Z"
    assert rfc3339(0.5) == "1970-01-01T00:00:00.500Z"


def test_the_handler_never_raises(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LineHandler(LineSink(io.StringIO()), JsonFormatter())
    handler.handle(record("x", name=Hostile()))
    assert capsys.readouterr().err == ""
