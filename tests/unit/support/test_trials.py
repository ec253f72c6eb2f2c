"""What the page on reliability claims is what the trials found, and nothing else."""

from pathlib import Path

import pytest

from tests.support.trials import (
    HEAD,
    LINE,
    PAGE,
    RECORDS,
    ROOT,
    Record,
    dice,
    merged,
    pytest_terminal_summary,
    record,
    requirements_in,
    requirements_on,
    trials,
    write,
)  # fmt: skip

EMPTY = f"# Title\n\n{HEAD}\n{LINE}\n"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    made: list[Record] = []
    monkeypatch.setattr("tests.support.trials.RECORDS", made)
    return made


def one(requirement: str = "R1", count: int = 300, promised: str = "it holds", **more: object) -> Record:
    return Record(requirement, promised, "a fault", count, **more)  # type: ignore[arg-type]


def test_every_claim_of_the_page_has_a_trial_and_every_trial_a_claim() -> None:
    assert requirements_on(PAGE.read_text()) == requirements_in([ROOT / "tests", ROOT / "examples"])


def test_a_twentieth_is_tried_unless_everything_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DECANT_TRIALS", raising=False)
    assert [trials(500), trials(30), trials(1)] == [25, 2, 1]
    monkeypatch.setenv("DECANT_TRIALS", "full")
    assert trials(500) == 500


def test_random_numbers_are_those_of_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    first = dice("a").random()
    assert dice("a").random() == first != dice("b").random()
    monkeypatch.setenv("DECANT_TEST_SEED", "7")
    assert dice("a").random() != first


def test_a_row_bounds_the_rate_by_the_rule_of_three() -> None:
    cells = one(count=300).row().split(" | ")
    assert cells[3:6] == ["300", "0", "0.01"]


def test_a_failure_has_no_bound_and_fails_its_test(alone: list[Record]) -> None:
    with pytest.raises(AssertionError, match=r"R1: 1 of 3 failed.*lost"):
        record("R1", promised="it holds", tried="a fault", count=3, failures=["lost"])
    assert "none: it failed" in alone[0].row()


def test_nothing_tried_is_no_success(alone: list[Record]) -> None:
    with pytest.raises(AssertionError, match="nothing was tried"):
        record("R1", promised="it holds", tried="a fault", count=0)


def test_tests_of_the_same_promise_are_added_up() -> None:
    (found,) = merged([one(count=10), one(count=20)], "abc")
    assert (found.count, found.run) == (30, "abc")


def test_a_run_replaces_its_own_rows_and_keeps_the_others() -> None:
    page = write(EMPTY, [one("R10", count=1), one("R2", count=2)], {"R2", "R10"})
    again = write(page, [one("R10", count=5)], {"R2", "R10"})
    assert [line.split(" | ")[3] for line in again.splitlines()[4:]] == ["2", "5"]
    assert again.startswith("# Title\n\n| |")


def test_the_row_of_a_promise_without_a_test_goes() -> None:
    assert requirements_on(write(EMPTY, [one("R1"), one("R2")], {"R2"})) == {"R2"}


def test_text_after_the_table_stays() -> None:
    assert write(EMPTY + "\nAfter.\n", [one()], {"R1"}).endswith("|\n\nAfter.\n")


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    page = write(EMPTY, [one(promised="a | b")], {"R1"})
    assert page == write(page, [], {"R1"})
    assert page.splitlines()[-1].count(" | ") == HEAD.count(" | ")


@pytest.mark.parametrize(("asked", "written"), [("full", True), ("", False)])
def test_only_a_full_run_writes_the_page(
    alone: list[Record], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str, *, written: bool
) -> None:
    page = tmp_path / "docs" / "reliability.md"
    page.parent.mkdir()
    page.write_text(EMPTY)
    monkeypatch.setattr("tests.support.trials.PAGE", page)
    monkeypatch.setattr("tests.support.trials.ROOT", tmp_path)
    monkeypatch.setattr("tests.support.trials.requirements_in", lambda folders: {"R1"})
    monkeypatch.setenv("DECANT_TRIALS", asked)
    alone.append(one())
    terminal = Terminal()
    pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    assert (page.read_text() != EMPTY) is written
    assert any(line.startswith("| R1 | it holds |") for line in terminal.lines)


class Terminal:
    """Stands in for pytest's terminal."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def section(self, title: str) -> None:
        self.lines.append(title)

    def write_line(self, line: str) -> None:
        self.lines.append(line)


def test_this_file_records_nothing_for_the_page() -> None:
    assert all(found.promised != "it holds" for found in RECORDS)
