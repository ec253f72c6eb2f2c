"""The audit log tells what happened to whom, and never a secret."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY

from decant.auth import TooManyAttempts, audited
from decant.errors import AuthenticationError


def told(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = caplog.records
    assert record.name == "decant.audit"
    names = ("event", "outcome", "subject", "account", "address", "reason")
    return {name: getattr(record, name) for name in names if hasattr(record, name)}


def test_a_success_names_the_subject_and_not_the_account(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.INFO, "decant.audit"),
        audited("sign-in", account="ada@a.org", address="::1") as attempt,
    ):
        attempt.subject = "u1"
    assert told(caplog) == {"event": "sign-in", "outcome": "success", "subject": "u1", "address": "::1"}


def test_a_refusal_is_raised_again_and_written_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TooManyAttempts), audited("sign-in", account="ada@a.org", address="::1"):
        raise TooManyAttempts(retry_after_s=3)
    found = told(caplog)
    assert (found["outcome"], found["reason"]) == ("refused", "too-many-attempts")
    assert "subject" not in found


def test_what_was_typed_is_a_hash_that_is_the_same_for_the_same_text(caplog: pytest.LogCaptureFixture) -> None:
    for typed in ("hunter2", "hunter2", "hunter3"):
        with pytest.raises(AuthenticationError), audited("sign-in", account=typed):
            raise AuthenticationError
    hashes = [record.account for record in caplog.records]  # type: ignore[attr-defined]
    assert hashes[0] == hashes[1] != hashes[2]
    assert "hunter2" not in repr([record.__dict__ for record in caplog.records])


def test_a_bug_is_a_failure_that_names_its_class(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), audited("sign-in"):
        raise ZeroDivisionError
    assert told(caplog) == {"event": "sign-in", "outcome": "failed", "reason": "ZeroDivisionError"}


def test_attempts_are_counted_by_kind_and_outcome() -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("decant_sign_ins_total", {"event": "e", "outcome": "success"}) or 0.0

    before = count()
    with audited("e"):
        pass
    assert count() == before + 1
