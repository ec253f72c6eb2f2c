"""A service is asked for up to five times what it can do, and goes on doing what it can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.overload import TIMES, Busy, Curve, busy_service, draw
from tests.support.trials import full, record, trials

pytestmark = [pytest.mark.trials, pytest.mark.serving, pytest.mark.slow, pytest.mark.timeout(0)]


@pytest.mark.parametrize("path", ["/computes", "/waits"])
def test_goodput_does_not_collapse_under_overload(tmp_path: Path, path: str) -> None:
    curves: list[Curve] = []
    try:
        with busy_service(tmp_path) as port:
            curves.extend(draw(port, path, 5.0 if full() else 3.0) for _ in range(trials(5)))
    except Busy as busy:
        pytest.skip(str(busy))
    kept, slowest = min(curve.kept for curve in curves), max(curve.refused_p99_s for curve in curves)
    record(
        "R18",
        promised="Goodput does not collapse under overload, and refusals are said at once",
        tried=f"{TIMES[0]:g} to {TIMES[-1]:g} times the capacity, open loop, against a view that computes for 3 ms and "
        "one that waits for 50 ms; a trial is a curve: at least 80 % of the best goodput, refusals within 50 ms (p99), "
        "recovered within 10 s",
        count=len(curves),
        failures=[fault for curve in curves for fault in curve.faults()],
        control=f"the worst, {path}: {kept:.0%} of the best goodput, refusals within {slowest * 1e3:.0f} ms",
    )
