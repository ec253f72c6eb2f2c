"""Lines of processes, as fields and as text for people."""

from __future__ import annotations

import json

import pytest

from decant_tools.run.lines import Painter, is_at_least, read_line, write_line

JSON = {"time": "2026-11-21T12:00:00.000Z", "level": "warning", "logger": "shop", "message": "low", "left": 3}


def test_a_line_of_ours_keeps_its_fields() -> None:
    assert read_line(json.dumps(JSON).encode(), "orders") == {**JSON, "process": "orders"}


def test_any_other_line_is_text_with_the_time_it_came() -> None:
    fields = read_line(b" * Running on http://127.0.0.1:5001\r\n", "users")
    assert (fields["message"], fields["process"], fields["raw"]) == (
        " * Running on http://127.0.0.1:5001",
        "users",
        True,
    )
    assert str(fields["time"]).endswith("Z")


@pytest.mark.parametrize("text", [b'{"half": ', b'{"message": 1}', b"{}", b"[1]", b"\xff\xfe", b""])
def test_what_only_looks_like_json_is_text(text: bytes) -> None:
    assert read_line(text, "x")["raw"] is True


@pytest.mark.parametrize(
    ("text", "level"),
    [(b"ERROR in app", "error"), (b"WARNING: this is a development server", "warning"), (b"hello", None),
     (b"Traceback (most recent call last):", "error"), (b"ValueError: no", "error"), (b"error: no", "error")],
)  # fmt: skip
def test_the_level_of_a_plain_line_is_guessed(text: bytes, level: str | None) -> None:
    assert read_line(text, "x")["level"] == level


def test_codes_that_act_on_a_terminal_are_taken_out_or_shown() -> None:
    assert read_line(b"\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07", "x")["message"] == "red bell\\x07"


def test_a_written_line_can_be_read_again() -> None:
    assert json.loads(write_line({**JSON, "process": "orders"})) == {**JSON, "process": "orders"}


def test_a_line_counts_as_info_where_nobody_knows_its_level() -> None:
    assert is_at_least({"level": None}, "info")
    assert not is_at_least({"level": None}, "warning")
    assert is_at_least({"level": "critical"}, "error")


def test_names_are_aligned_and_a_traceback_has_lines_of_its_own() -> None:
    painter = Painter(8, colour=False)
    fields = {**JSON, "process": "orders", "exception": {"stacktrace": "Traceback\n  here"}}
    lines = painter.paint(fields).splitlines()
    assert lines[0] == "orders   | 12:00:00.000 warning  low [shop] left=3"
    assert lines[1:] == ["orders   |     Traceback", "orders   |       here"]


def test_colours_are_used_only_where_wanted() -> None:
    fields = {**JSON, "process": "orders"}
    assert "\x1b[" not in Painter(8, colour=False).paint(fields)
    assert "\x1b[" in Painter(8, colour=True).paint(fields)
