"""Schemathesis, with all its checks, finds nothing: the document and the service say the same."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from tests.support.library_api import create_library

PINNED = "4.32.5"
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

load_all_checks()
EVERYTHING = {"generation": {"mode": "all", "deterministic": True}, "checks": {"enabled": True}}
schema = schemathesis.openapi.from_wsgi(
    "/openapi.json", create_library(), config=SchemathesisConfig.from_dict(EVERYTHING)
)


def check(case: Any) -> None:
    case.call_and_validate(checks=CHECKS.get_all())


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
def test_schemathesis_finds_nothing(case: Any) -> None:
    check(case)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@schema.parametrize()
@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
def test_schemathesis_finds_nothing_when_it_searches_longer(case: Any) -> None:
    check(case)


def test_schemathesis_is_the_version_whose_checks_are_known() -> None:
    assert version("schemathesis") == PINNED
    assert len(CHECKS.get_all_names()) == 14
