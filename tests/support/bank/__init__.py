"""Modules with tables, whose operations do what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from decant.errors import DomainError

SCENARIOS: dict[str, Callable[..., Any]] = {}
"""What operations do, by the name that they are called with; each test fills in its own."""


class Refused(DomainError, code="bank.refused", status=409):
    """Step {step} is refused."""

    step: str
