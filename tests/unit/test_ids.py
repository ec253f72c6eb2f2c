"""Identifiers keep their form, and those of rows keep their order."""

from __future__ import annotations

import time
import uuid

import pytest

from decant import ids


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_it() -> None:
    made = uuid.UUID(ids.new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert abs((made.int >> 80) / 1000 - time.time()) < 5


def test_ids_made_within_one_millisecond_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1_800_000_000_000_000_000, 1_800_000_000_001_000_000, 1000))
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    made = [ids.new_id() for _ in range(1000)]
    assert made == sorted(made)


def test_ids_of_one_instant_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_999_999)
    assert len({ids.new_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(("make", "length"), [(ids.new_trace_id, 32), (ids.new_span_id, 16), (ids.new_request_id, 16)])
def test_the_others_are_hexadecimal_digits_of_one_length(make: object, length: int) -> None:
    made = make()  # type: ignore[operator]
    assert len(made) == length
    assert int(made, 16) >= 0
