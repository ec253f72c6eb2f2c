"""The curve of overload: half to five times what a service can do, open loop, on the default server.

A view that computes for 3 ms is bound by the interpreter, one that waits for 50 ms by its places. The load comes from a
process of its own on the other processor, which says when it could not keep its times.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.support.overload import Busy, Curve, busy_service, draw

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TITLE = "### More than a service can do"
VIEWS = {"/computes": "a view that computes for 3 ms", "/waits": "a view that waits for 50 ms"}
SECONDS = 5.0


def report(_rounds: int) -> bool:
    """Draw both curves, print them, and put them into the docs; return whether every bar is reached."""
    try:
        with tempfile.TemporaryDirectory() as folder, busy_service(Path(folder)) as port:
            curves = [draw(port, path, SECONDS) for path in VIEWS]
    except Busy as busy:
        print(f"\n{TITLE}\n\nNot measured: {busy}.")
        return False
    text = f"{TITLE}\n\n" + "\n".join(_table(curve) for curve in curves)
    print(f"\n{text}", flush=True)
    PAGE.write_text(put(PAGE.read_text(), text))
    return not any(curve.faults() for curve in curves)


def put(page: str, section: str) -> str:
    """Return the page with the section in place of the one before it, or at the end of what was measured."""
    before, found, after = page.partition(f"{TITLE}\n")
    if found:
        following = re.search(r"^#{2,3} ", after, re.MULTILINE)
        return before + section.rstrip() + "\n\n" + (after[following.start() :] if following else "")
    return page.rstrip() + f"\n\n{section.rstrip()}\n"


def _table(curve: Curve) -> str:
    lines = [
        f"{VIEWS[curve.path].capitalize()}; capacity {curve.capacity:.0f} requests/s:",
        "",
        "| offered | requests/s | answered/s | p50 / p99 ms | refused/s | refused p99 ms |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for point in curve.points:
        one = point.result
        refused = f"{one.percentile(0.99, of_refused=True) * 1e3:.0f}" if one.refused else "-"
        lines.append(
            f"| {point.times:g} x | {one.offered / one.seconds:.0f} | {one.goodput:.0f} "
            f"| {one.percentile(0.5) * 1e3:.0f} / {one.percentile(0.99) * 1e3:.0f} "
            f"| {len(one.refused) / one.seconds:.0f} | {refused} |"
        )
    late_ms = f"{curve.refused_p99_s * 1e3:.0f} ms"
    verdicts = [
        ("of the best goodput is left at the greatest load (bar ≥ 80 %)", f"{curve.kept:.0%}", curve.kept >= 0.8),
        ("until refusals are said, p99 (bar < 50 ms)", late_ms, curve.refused_p99_s < 0.05),
        ("until it answers as before (bar ≤ 10 s)", f"{curve.recovery_s:.1f} s", curve.recovery_s <= 10),
    ]
    said = "; ".join(f"{value} {what}: {'reached' if met else '**missed**'}" for what, value, met in verdicts)
    return "\n".join([*lines, "", f"{said}.", ""])
