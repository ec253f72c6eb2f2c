"""How results are said: times, ages, outcomes, counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from decant_tools.workspace.tasks.model import Result, Status, Task, TaskId

MARKS: Mapping[Status, str] = {"passed": "✓", "cached": "✓", "failed": "✗", "skipped": "-", "empty": "·"}
TAIL_LINES = 60
_TAIL_BYTES = 64 * 1024
_UNSAFE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])|[\x00-\x08\x0b-\x1f\x7f]")


def seconds(duration_s: float) -> str:
    """Return a time for people.

    Example:
        >>> seconds(0.04), seconds(3.14), seconds(75), seconds(3700)
        ('40 ms', '3.1 s', '1 min 15 s', '1 h 1 min')
    """
    if duration_s < 1:
        return f"{duration_s * 1000:.0f} ms"
    if duration_s < 60:
        return f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def age(seconds_ago: float) -> str:
    """Return how long something is ago.

    Example:
        >>> age(20), age(300), age(7300), age(200_000)
        ('just now', '5 min ago', '2 h ago', '2 days ago')
    """
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds_ago >= size:
            count = int(seconds_ago // size)
            return f"{count} {'day' if unit == 'days' and count == 1 else unit} ago"
    return "just now"


def outcome(result: Result) -> str:
    """Return what became of a task, in a few words."""
    if result.status == "empty":
        return result.note or "nothing to do"
    said = {
        "cached": f"cached {age(result.age_s)}, {seconds(result.duration_s)} saved",
        "passed": seconds(result.duration_s),
        "failed": f"failed after {seconds(result.duration_s)}" if result.duration_s else "failed",
        "skipped": "skipped",
    }[result.status]
    return f"{said}: {result.note}" if result.note else said


def names_of(tasks: Iterable[Task]) -> dict[TaskId, str]:
    """Return what each task is called: as short as it can be without being mistaken for another."""
    found = list(tasks)
    labels = Counter((task.label, task.id.name) for task in found)
    several = len({task.id.name for task in found}) > 1
    return {
        task.id: (task.label if labels[task.label, task.id.name] == 1 else task.id.project)
        + (f"#{task.id.name}" if several else "")
        for task in found
    }


def counts(results: Sequence[Result]) -> dict[Status, int]:
    """Return how many tasks ended how; every outcome is there."""
    found = Counter(result.status for result in results)
    return {status: found[status] for status in MARKS}


def summary(results: Sequence[Result]) -> str:
    """Return one sentence about a run."""
    found = counts(results)
    said = [f"{found[status]} {status}" for status in ("passed", "cached", "failed", "skipped") if found[status]]
    saved = sum(result.duration_s for result in results if result.status == "cached")
    notes = Counter(result.note or "nothing to do" for result in results if result.status == "empty")
    said += [f"{count} with {note}" if note.startswith("no ") else f"{count}: {note}" for note, count in notes.items()]
    total = f"{len(results)} task{'' if len(results) == 1 else 's'}"
    return f"{total}: {', '.join(said) or 'nothing to do'}" + (f" ({seconds(saved)} saved)" if saved else "")


def plain(output: bytes) -> str:
    """Return output as text that changes nothing of the terminal or the document that it is written to."""
    return _UNSAFE.sub(b"", output.replace(b"\r\n", b"\n")).decode("utf-8", "replace")


def tail(path: str | None, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a task's output."""
    if path is None:
        return ""
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = plain(file.read())
    except OSError:
        return ""
    found = text.rstrip("\n").split("\n")
    cut = [f"[… the last {lines} lines …]"] if len(found) > lines or size > _TAIL_BYTES else []
    return "\n".join([*cut, *found[-lines:]])
