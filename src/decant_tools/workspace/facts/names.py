"""Names of distributions, as PEP 503 compares them."""

from __future__ import annotations

import re

_RUNS = re.compile(r"[-_.]+")


def normalise(name: str) -> str:
    """Return a distribution's name as an index compares it: ``Common_Utils`` is ``common-utils``."""
    return _RUNS.sub("-", name).lower()
