"""What happens to a test whose server is missing."""

from __future__ import annotations

import socket

import pytest

TEST = """
import pytest

@pytest.mark.postgres
def test_by_marker(): pass

def test_by_fixture(postgres_url): pass

def test_of_nothing(): pass
"""
QUIET = ("-p", "tests.support.needs", "-p", "tests.support.servers", "-p", "no:cacheprovider", "-p", "no:playwright")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("DECANT_TEST_POSTGRES", where)
    return where


@pytest.fixture(autouse=True)
def tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    pytester.makeini("[pytest]\nmarkers =\n    postgres: x\n    browser: x\n")


def test_a_missing_server_skips_its_tests_and_says_so_in_one_line(
    pytester: pytest.Pytester, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=1, skipped=2)
    loud = [line for line in result.outlines if line.startswith("NOT TESTED HERE")]
    assert loud == [
        f"NOT TESTED HERE: 2 because PostgreSQL is not at {nowhere} (Debian: pg_ctlcluster 15 main start)",
    ]


def test_a_missing_server_fails_its_tests_on_ci(
    pytester: pytest.Pytester, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = pytester.runpytest_inprocess(*QUIET)
    outcomes = result.parseoutcomes()
    assert (outcomes.get("passed"), outcomes.get("skipped"), outcomes["errors"]) == (1, None, 2)
    result.stdout.fnmatch_lines([f"*PostgreSQL is not at {nowhere}*under CI nothing is skipped*"])


def test_a_fixture_marks_its_test_so_that_it_can_be_deselected(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = pytester.runpytest_inprocess(*QUIET, "-m", "not postgres")
    result.assert_outcomes(passed=1, deselected=2)


def test_browser_tests_run_last(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.browser\ndef test_page(): pass\ndef test_plain(): pass\n")
    result = pytester.runpytest_inprocess(*QUIET, "--collect-only", "-q", "-k", "page or plain")
    assert [line.rpartition("::")[2] for line in result.outlines if "::" in line] == ["test_plain", "test_page"]
