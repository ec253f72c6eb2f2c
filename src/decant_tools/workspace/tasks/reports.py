"""What programs read of a run: a JSON document, a JUnit file, a summary in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decant_tools.workspace.tasks.model import Result
from decant_tools.workspace.tasks.words import MARKS, counts, outcome, summary, tail

if TYPE_CHECKING:
    from decant_tools.workspace.tasks.session import Forecast

_ROWS = 200
_BAD_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)))
"""Characters that no XML document may hold."""


def document(results: Sequence[Result], root: Path) -> dict[str, Any]:
    """Return a run as JSON's types.

    Shape:
        ``ok``; ``counts`` by outcome; ``saved_s``; ``tasks`` with ``project``, ``name``, ``path``, ``task``, ``status``
        (``passed``, ``cached``, ``failed``, ``skipped``, ``empty``), ``duration_s``, ``exit_code``, ``note``, ``key``,
        ``log``.
    """
    return {
        "ok": all(result.is_ok for result in results),
        "counts": counts(results),
        "saved_s": round(sum(result.duration_s for result in results if result.status == "cached"), 3),
        "tasks": [_row(result, root) for result in results],
    }


def _row(result: Result, root: Path) -> dict[str, Any]:
    log = Path(result.output) if result.output else None
    return {
        "project": result.task.id.project,
        "name": result.task.label,
        "path": result.task.folder,
        "task": result.task.id.name,
        "status": result.status,
        "duration_s": round(result.duration_s, 3),
        "exit_code": result.exit_code,
        "note": result.note,
        "key": result.key,
        "log": str(log.relative_to(root) if log.is_relative_to(root) else log) if log else None,
    }


def forecast_row(found: Forecast) -> dict[str, Any]:
    """Return what a run would do about a task, as JSON's types."""
    return {
        "project": found.task.id.project,
        "name": found.task.label,
        "path": found.task.folder,
        "task": found.task.id.name,
        "command": list(found.task.command),
        "cache": found.cache,
        "reasons": list(found.reasons),
        "key": found.key,
    }


def write_junit(path: Path, results: Sequence[Result]) -> None:
    """Write a JUnit file: a suite for each project, a case for each task.

    Raises:
        OSError: When it cannot be written.
    """
    from xml.etree import ElementTree as ET

    by_project: dict[str, list[Result]] = {}
    for result in results:
        by_project.setdefault(result.task.id.project, []).append(result)
    suites = ET.Element("testsuites", name="decant")
    for project, found in by_project.items():
        number = counts(found)
        suite = ET.SubElement(
            suites, "testsuite", name=project, tests=str(len(found)), failures=str(number["failed"]), errors="0",
            skipped=str(number["skipped"] + number["empty"]), time=_time(found),
        )  # fmt: skip
        for result in found:
            _add_case(
                ET.SubElement(suite, "testcase", classname=project, name=result.task.id.name, time=_time([result])),
                result,
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def _time(results: Sequence[Result]) -> str:
    """Return the seconds that were spent now: a kept result costs none."""
    return f"{sum(result.duration_s for result in results if result.status != 'cached'):.3f}"


def _add_case(case: Any, result: Result) -> None:
    from xml.etree import ElementTree as ET

    if result.status == "failed":
        ET.SubElement(case, "failure", message=_legal(result.note)).text = _legal(tail(result.output, 1000))
    elif result.status in {"skipped", "empty"}:
        ET.SubElement(case, "skipped", message=_legal(result.note))
    else:
        ET.SubElement(case, "system-out").text = _legal(outcome(result))


def _legal(text: str) -> str:
    return text.translate(_BAD_XML)


def write_summary(path: Path, title: str, results: Sequence[Result], notes: Sequence[str] = ()) -> None:
    """Add a summary in Markdown to a file, as GitHub's jobs show it.

    Raises:
        OSError: When it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(markdown(title, results, notes))


def markdown(title: str, results: Sequence[Result], notes: Sequence[str] = ()) -> str:
    """Return a run in Markdown: a sentence, a table with what failed first, the end of what the failed ones wrote."""
    lines = [f"### {title}", "", summary(results), "", *(f"> {_cell(note)}" for note in notes), ""]
    order = {status: number for number, status in enumerate(("failed", "skipped", "passed", "cached", "empty"))}
    rows = sorted(results, key=lambda result: order[result.status])
    if rows:
        lines += ["| | project | task | |", "| --- | --- | --- | --- |"]
    lines += [
        "| " + " | ".join([MARKS[each.status], *map(_cell, (*each.task.id, outcome(each)))]) + " |"
        for each in rows[:_ROWS]
    ]
    lines += ["", f"… and {len(rows) - _ROWS} more."] if len(rows) > _ROWS else []
    for result in rows:
        if result.status == "failed":
            lines += [
                "",
                f"<details><summary>{_cell(str(result.task.id))}</summary>",
                "",
                *_fenced(tail(result.output)),
                "",
                "</details>",
            ]
    return "\n".join(lines) + "\n\n"


def _fenced(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text, fence]


def _cell(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
