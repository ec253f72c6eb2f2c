"""Pytest plugin: a promise is tried many times, and what came of it is written down.

A trial test asks :func:`trials` how often it tries, and says at its end what it found: :func:`record`. The full counts
run in ``make trials``, which writes the table of ``docs/reliability.md``; every other run tries a twentieth and prints
its table to the terminal.

Source: the rule of three: no failure in N independent trials bounds the rate of failures at 3/N (95 %).
"""

from __future__ import annotations

import ast
import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
SHARE = 20
SEED = "20260102"
HEAD = "| | promised | tried: fault and load | trials | failed | rate below (95 %) | without it | run |"
LINE = "| --- | --- | --- | --- | --- | --- | --- | --- |"


@dataclass(frozen=True, slots=True)
class Record:
    """What one promise came to.

    Attributes:
        requirement: Its number, for instance ``R24``.
        promised: What always holds, one sentence without a full stop.
        tried: The fault and the load.
        count: How often it was tried.
        failures: How often it did not hold.
        control: The negative control: what the same trials do to something without the promise.
        run: The commit and seed.
    """

    requirement: str
    promised: str
    tried: str
    count: int
    failures: int = 0
    control: str = ""
    run: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What a row of the table is found by."""
        return self.requirement, self.promised

    def row(self) -> str:
        """Return the row of the table."""
        bound = f"{3 / self.count:.2g}" if not self.failures and self.count else "none: it failed"
        cells = [self.requirement, self.promised, self.tried, f"{self.count:,}", f"{self.failures:,}", bound]
        cells += [self.control, self.run]
        return f"| {' | '.join(cell.replace('|', '/').strip() or '-' for cell in cells)} |"


RECORDS: list[Record] = []


def full() -> bool:
    """Return whether this run tries everything."""
    return os.environ.get("DECANT_TRIALS") == "full"


def trials(full_count: int) -> int:
    """Return how often to try: the full count in ``make trials``, a twentieth otherwise, and once at least."""
    return full_count if full() else max(1, ceil(full_count / SHARE))


def seed() -> str:
    """Return the seed: always the same, unless ``DECANT_TEST_SEED`` names another."""
    return os.environ.get("DECANT_TEST_SEED", SEED)


def dice(name: str) -> random.Random:
    """Return random numbers that are the same in every run with the same seed.

    Args:
        name: Tells the numbers of one trial from those of another.
    """
    return random.Random(f"{seed()}:{name}")


def record(
    requirement: str, *, promised: str, tried: str, count: int, failures: Iterable[object] = (), control: str = ""
) -> None:
    """Write down what a trial found; the last statement of a trial test.

    Args:
        requirement: Its number, a literal: ``"R24"``.
        promised: What always holds. Tests with the same number and promise are added up, parametrised ones too.
        tried: The fault and the load.
        count: How often it was tried.
        failures: What went wrong, an item for each time.
        control: What the same trials do to something without the promise, where there is such a control.

    Raises:
        AssertionError: When something failed, naming the first few.
    """
    failed = list(failures)
    RECORDS.append(Record(requirement, promised, tried, count, len(failed), control))
    assert count > 0, f"{requirement}: nothing was tried"
    assert not failed, f"{requirement}: {len(failed)} of {count} failed, the first: {failed[:5]}"


def merged(records: Iterable[Record], run: str) -> list[Record]:
    """Return one record for each promise, in the order of their numbers."""
    found: dict[tuple[str, str], Record] = {}
    for one in records:
        before = found.get(one.key)
        found[one.key] = replace(
            one,
            count=one.count + (before.count if before else 0),
            failures=one.failures + (before.failures if before else 0),
            run=run,
        )
    return sorted(found.values(), key=_order)


def write(page: str, records: Iterable[Record], claimed: set[str]) -> str:
    """Return the page with the rows of a run in place of those before it.

    Args:
        page: The page as it is. Rows of promises that were not tried this time stay, with their own commit.
        records: What the run found.
        claimed: The requirements that have a test; the rows of others are dropped.
    """
    before, _, after = page.partition(f"{HEAD}\n{LINE}\n")
    lines = after.splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    rest = lines[len(rows) :]
    kept = {_key(row): row for row in rows} | {one.key: one.row() for one in records}
    table = sorted((row for key, row in kept.items() if key[0] in claimed), key=lambda row: _number(_key(row)[0]))
    return "\n".join([before + HEAD, LINE, *table, *rest]).rstrip("\n") + "\n"


def requirements_on(page: str) -> set[str]:
    """Return the requirements that the page's table claims."""
    _, _, table = page.partition(f"{HEAD}\n{LINE}\n")
    return {_key(line)[0] for line in table.splitlines() if line.startswith("| ")}


def requirements_in(folders: Iterable[Path]) -> set[str]:
    """Return the requirements that trial tests record."""
    return {found for folder in folders for path in sorted(folder.rglob("test_*.py")) for found in _recorded(path)}


def _recorded(path: Path) -> Iterator[str]:
    text = path.read_text()
    if "pytest.mark.trials" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record":
            named = [keyword.value for keyword in node.keywords if keyword.arg == "requirement"]
            for value in [*node.args[:1], *named]:
                if isinstance(value, ast.Constant):
                    yield str(value.value)


def _key(row: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    return cells[0], cells[1]


def _order(one: Record) -> tuple[int, str]:
    return _number(one.requirement), one.promised


def _number(requirement: str) -> int:
    return int("".join(filter(str.isdigit, requirement)) or 0)


def _run() -> str:
    """Return the commit and the seed; a plus sign says that the code was not exactly the commit's."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = "+" if git("status", "--porcelain", "--", "src", "examples") else ""
    return f"`{git('rev-parse', '--short', 'HEAD') or 'no commit'}{changed}`, seed {seed()}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the trials found; after a full run, write the page."""
    if not RECORDS:
        return
    found = merged(RECORDS, _run())
    terminalreporter.section("trials" if full() else f"trials, 1 of {SHARE} (all of them: make trials)")
    for line in (HEAD, LINE, *(one.row() for one in found)):
        terminalreporter.write_line(line)
    if full():
        PAGE.write_text(write(PAGE.read_text(), found, requirements_in([ROOT / "tests", ROOT / "examples"])))
        terminalreporter.write_line(f"written: {PAGE.relative_to(ROOT)}")
