"""A saga in one line that a person can read."""

from __future__ import annotations

from decant.sagas.instance import Entry, Instance

ARROW = " → "
MARKS = {"done": "✓", "failed": "✗", "unknown": "?", "trying": "…"}
ENDS = {"compensated": "compensated", "parked": "PARKED", "done": ""}


def strip(instance: Instance) -> str:
    """Return what happened, in order.

    Example:
        ``clear-cart ✓ → reserve ✓ → charge ✗ declined → release ✓ → cancel ✓ → compensated``
    """
    parts = [_part(entry) for entry in instance.history]
    if end := ENDS.get(instance.state, ""):
        parts.append(end)
    return ARROW.join(parts) or "not begun"


def _part(entry: Entry) -> str:
    text = f"{entry.name} {MARKS[entry.outcome]}"
    if entry.outcome != "done" and entry.code:
        text += f" {entry.code.rpartition('.')[2]}"
    return f"{text} (×{entry.attempts})" if entry.attempts > 1 else text
