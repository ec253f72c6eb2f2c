from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from decant.cli import errors
from decant.cli.entries import Entry
from decant.cli.main import VERBS, LazyGroup, Verb, group, guarded, run
from decant.errors import CommandError, DecantError, MissingExtra, SettingsError, SetupError


def lazy(**verbs: Verb) -> LazyGroup:
    return LazyGroup(name="t", verbs=verbs, entry_points="decant.none")


def failing(error: BaseException) -> Callable[[], Any]:
    def work() -> None:
        raise error

    return work


def test_help_lists_every_verb_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    command = lazy(broken=Verb("nowhere.at_all:command", "Do the impossible."))
    assert run(["--help"], command) == 0
    assert "broken  Do the impossible." in capsys.readouterr().out


def test_a_verb_is_imported_when_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    command = lazy(topology=VERBS["topology"])
    assert run(["topology", "--help"], command) == 0
    assert "Show which module runs in which service" in capsys.readouterr().out


def test_a_verb_of_another_package_is_loaded_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = lazy()
    command.added = {  # type: ignore[misc]
        "other": Entry("other", "decant.cli.topology:command", "some-package"),
        "broken": Entry("broken", "nowhere:x", ""),
    }
    assert run(["--help"], command) == 0
    said = capsys.readouterr().out
    assert "other   (from some-package)" in said
    assert "broken  (from elsewhere)" in said
    assert run(["other", "--help"], command) == 0
    assert "Show which module runs in which service" in capsys.readouterr().out


def test_a_mistyped_verb_is_answered_with_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topolgy"]) == errors.USAGE
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "error[usage]: There is no command 'topolgy'. Did you mean 'topology'?\nhelp: decant --help\n",
    )


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topology", "--nope"]) == errors.USAGE
    assert "help: decant topology --help" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("decant 0.")


def test_a_folder_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", "/nowhere/at/all", "topology"]) == errors.USAGE
    assert "/nowhere/at/all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("x", exit_code=4), 4),
        (SettingsError(["x"]), 3),
        (SetupError("x"), 3),
        (MissingExtra("granian", "serve"), 6),
        (DecantError("x"), 1),
        (click.UsageError("x"), 2),
        (click.ClickException("x"), 1),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (click.exceptions.Exit(5), 5),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert guarded(failing(error)) == code


def test_every_fault_has_a_line_of_its_own_and_the_hint_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(failing(SettingsError(["decant.toml:1: a", "decant.toml:2: b"])))
    guarded(failing(SetupError("c", hint="do d")))
    assert capsys.readouterr().err.splitlines() == [
        "error[settings]: decant.toml:1: a",
        "error[settings]: decant.toml:2: b",
        "error[setup]: c",
        "help: do d",
    ]


def test_with_json_an_error_is_the_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(failing(SettingsError(["a", "b"])), json=True)
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "schema": 1,
        "error": {"code": "settings", "details": ["a", "b"], "hint": None, "exit_code": 3},
    }


def test_what_nobody_expected_is_saved_and_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "decant.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert guarded(failing(RuntimeError("boom"))) == errors.INTERNAL
    err = capsys.readouterr().err
    (saved,) = (tmp_path / ".decant").glob("crash-*.txt")
    assert err == f"error[internal]: RuntimeError: boom\nhelp: The traceback is in {saved}\n"
    assert "Traceback" in saved.read_text()
    assert saved.stat().st_mode & 0o777 == 0o600


def test_outside_of_a_workspace_the_traceback_goes_to_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    guarded(failing(RuntimeError("boom")))
    assert len(list(tmp_path.glob("crash-*.txt"))) == 1


def test_an_exit_code_that_a_command_returns_is_kept() -> None:
    assert guarded(lambda: 7) == 7


def test_names_are_completed_without_importing_them() -> None:
    found = group.shell_complete(click.Context(group), "to")
    assert [(item.value, item.help) for item in found] == [("topology", VERBS["topology"].help)]


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys; from decant.cli.main import run; run(['--help']); print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"flask", "pydantic", "sqlalchemy", "prometheus_client", "werkzeug", "asyncio"}
    assert not heavy.intersection(done.stderr.splitlines())


def test_help_costs_less_than_150_ms_of_processor_time() -> None:
    command = [sys.executable, "-c", "from decant.cli import main; main()", "--help"]
    assert any(_cpu_s(command) < 0.15 for _ in range(10))


def _cpu_s(command: list[str]) -> float:
    """Return the seconds that a process computes; a busy machine does not lengthen them much."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "import sys; from decant.cli.main import guarded; sys.exit(guarded(lambda: print('x' * 10**6, flush=True)))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
