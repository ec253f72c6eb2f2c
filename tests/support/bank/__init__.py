"""Two modules with tables, whose operations do what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCENARIOS: dict[str, Callable[..., Any]] = {}
"""What operations do, by the name that they are called with; each test fills in its own."""
