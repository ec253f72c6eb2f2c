"""``decant task`` and its short forms, on real repositories, with real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from decant.cli.main import run
from decant_tools.workspace.tasks.definitions import Definitions
from decant_tools.workspace.tasks.display import Display
from decant_tools.workspace.tasks.session import Options, Session
from decant_tools.workspace.view import open_view
from tests.unit.workspace.repository import Repository

CONFIG = """
[services.front]
needs = ["back"]

[services.other]

[tasks.test]
command = "sh test.sh"

[tasks.make]
command = "mkdir -p made; cat input.txt >> $COUNTER; tr a-z A-Z < input.txt > made/out.txt"
outputs = ["made/**"]
needs = ["^make"]
"""
SERVICE = {
    "Dockerfile": "FROM scratch\n",
    "test.sh": 'echo "$1 tested in $PWD"; echo x >> "$COUNTER"\n',
    "input.txt": "data\n",
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository of three services without Python: nothing has to be installed for their tasks."""
    found = Repository(tmp_path / "mono")
    files = {f"services/{name}/{file}": text for name in ("front", "back", "other") for file, text in SERVICE.items()}
    found.write({"decant.toml": CONFIG, ".gitignore": "made/\n", **files})
    found.commit()
    monkeypatch.chdir(found.root)
    monkeypatch.setenv("COUNTER", str(tmp_path / "count"))
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "DECANT_HOME", "DECANT_CACHE_URL", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return found


class Told:
    """What a command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *args: str) -> int:
        code = run(args)
        self.out, self.err = self._capsys.readouterr()
        assert code != 70, self.err
        return code

    def json(self, *args: str) -> dict[str, Any]:
        self.code = self(*args, "--json")
        found: dict[str, Any] = json.loads(self.out)
        assert found["schema"] == 1
        return found

    def statuses(self, *args: str) -> dict[str, str]:
        return {each["project"].partition(":")[2]: each["status"] for each in self.json(*args)["tasks"]}


@pytest.fixture
def decant(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


def count() -> int:
    """Return how many tasks really ran."""
    path = Path(os.environ["COUNTER"])
    return len(path.read_text().splitlines()) if path.exists() else 0


ALL = {"front", "back", "other"}


def test_what_passed_is_shown_again_and_not_run(repository: Repository, decant: Told) -> None:
    assert decant("test") == 0
    assert count() == 3
    assert "3 tasks: 3 passed" in decant.err
    first = decant.out
    assert decant("test") == 0
    assert count() == 3
    assert sorted(decant.out.splitlines()) == sorted(first.splitlines())
    assert "✓ back   cached just now" in decant.err
    assert "3 cached" in decant.err


def test_only_what_a_change_touches_runs_again(repository: Repository, decant: Told) -> None:
    decant("test")
    repository.write({"services/back/new.txt": "untracked"})
    assert decant.statuses("test") == {"back": "passed", "front": "passed", "other": "cached"}
    (repository.root / "services/back/new.txt").unlink()
    assert set(decant.statuses("test").values()) == {"cached"}  # as it was before


def test_a_failure_is_told_last_and_never_kept(repository: Repository, decant: Told) -> None:
    repository.write({"services/back/test.sh": "echo oh no; exit 3\n"})
    assert decant("test") == 1
    assert decant.out.rstrip().endswith("oh no")
    assert "✗ back   failed after" in decant.err
    assert "exit code 3" in decant.err
    assert "3 tasks: 2 passed, 1 failed" in decant.err
    assert decant.statuses("test") == {"back": "failed", "front": "cached", "other": "cached"}
    assert decant.code == 1


def test_what_needs_a_failed_task_is_skipped_and_the_rest_goes_on(repository: Repository, decant: Told) -> None:
    (repository.root / "services/back/input.txt").unlink()
    repository.write({"decant.toml": CONFIG.replace("mkdir -p made;", "set -e; mkdir -p made;")})
    assert decant.statuses("task", "make") == {"back": "failed", "front": "skipped", "other": "passed"}
    assert decant.code == 1


def test_needs_run_first_even_when_they_were_not_asked_for(repository: Repository, decant: Told) -> None:
    assert list(decant.statuses("task", "make", "front")) == ["back", "front"]


def test_outputs_come_back_with_a_kept_result(repository: Repository, decant: Told) -> None:
    decant("task", "make")
    made = repository.root / "services/back/made/out.txt"
    assert made.read_text() == "DATA\n"
    shutil.rmtree(made.parent)
    assert set(decant.statuses("task", "make").values()) == {"cached"}
    assert made.read_text() == "DATA\n"
    assert count() == 3


def test_another_worktree_gets_a_result_only_for_the_same_inputs_and_sees_its_own_path(
    repository: Repository, decant: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    decant("test")
    repository.git("worktree", "add", "-q", str(tmp_path / "second"))
    (tmp_path / "second/services/other/input.txt").write_text("else\n")
    monkeypatch.chdir(tmp_path / "second")
    assert decant.statuses("test") == {"back": "cached", "front": "cached", "other": "passed"}
    decant("test", "back")
    assert f"tested in {tmp_path}/second/services/back" in decant.out
    assert "mono" not in decant.out


def test_worktrees_are_apart_by_default(
    repository: Repository, decant: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decant("test")
    repository.git("worktree", "add", "-q", str(tmp_path / "second"))
    monkeypatch.chdir(tmp_path / "second")
    assert set(decant.statuses("test").values()) == {"passed"}


def test_an_output_that_holds_the_path_of_the_workspace_stays_in_it(
    repository: Repository, decant: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    repository.write({"decant.toml": CONFIG.replace("tr a-z A-Z < input.txt", "pwd")})
    repository.commit()
    decant("task", "make")
    assert set(decant.statuses("task", "make").values()) == {"cached"}
    repository.git("worktree", "add", "-q", str(tmp_path / "second"))
    monkeypatch.chdir(tmp_path / "second")
    assert set(decant.statuses("task", "make").values()) == {"passed"}


def test_a_task_whose_inputs_change_while_it_runs_is_not_kept(repository: Repository, decant: Told) -> None:
    repository.write({"services/back/test.sh": "date +%N > stamp.txt\n"})
    found = decant.json("test", "back")["tasks"][0]
    assert (found["status"], found["note"]) == ("passed", "not kept: its inputs changed while it ran")


def test_a_damaged_result_is_made_again(repository: Repository, decant: Told) -> None:
    decant("test")
    for path in (repository.root / ".decant/workspace/cache/results").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert set(decant.statuses("test").values()) == {"passed"}


def test_force_runs_and_keeps_and_no_cache_does_neither(repository: Repository, decant: Told) -> None:
    assert set(decant.statuses("test", "--no-cache").values()) == {"passed"}
    assert set(decant.statuses("test").values()) == {"passed"}
    assert set(decant.statuses("test", "--force").values()) == {"passed"}
    assert set(decant.statuses("test").values()) == {"cached"}


def test_a_dry_run_says_what_would_run_and_why(repository: Repository, decant: Told) -> None:
    assert {each["cache"] for each in decant.json("test", "--dry-run")["tasks"]} == {"miss"}
    assert count() == 0
    decant("test")
    repository.write({"services/back/input.txt": "new\n"})
    found = {each["name"]: (each["cache"], each["reasons"]) for each in decant.json("test", "--dry-run")["tasks"]}
    reasons = ["services/back/input.txt changed"]
    assert found == {"back": ("miss", reasons), "front": ("miss", reasons), "other": ("hit", [])}
    decant("test", "--dry-run")
    assert "service:back#test   miss   services/back/input.txt changed" in decant.out


def test_affected_takes_what_changed_since_the_base(repository: Repository, decant: Told) -> None:
    repository.git("checkout", "-q", "-b", "work")
    repository.write({"services/back/input.txt": "new\n"})
    repository.commit()
    found = decant.json("test", "--affected", "--base", "main")
    assert {each["name"] for each in found["tasks"]} == {"back", "front"}
    assert found["fallback"] is None
    assert set(decant.statuses("test", "other", "--affected", "--base", "main")) == set()
    assert decant.code == 0


def test_without_names_the_folder_decides(
    repository: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.root / "services/back/deep").mkdir()
    monkeypatch.chdir(repository.root / "services/back/deep")
    assert set(decant.statuses("test")) == {"back"}
    assert set(decant.statuses("test", "--all")) == ALL
    monkeypatch.chdir(repository.root / "services")
    assert set(decant.statuses("test")) == ALL


@pytest.mark.parametrize("name", ["test", "lint", "build"])
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--affected",)])
def test_a_workspace_without_projects_is_told(
    tmp_path: Path, decant: Told, monkeypatch: pytest.MonkeyPatch, name: str, more: tuple[str, ...]
) -> None:
    found = Repository(tmp_path / "bare")
    found.write({"README.md": "", "shop/pyproject.toml": "", "shop/services/a/app.py": ""})
    found.commit()
    monkeypatch.chdir(found.root)
    assert decant(name, *more) == 0
    assert f"There is no service and no lib in {found.root}." in decant.err
    assert decant.err.count("decant -C shop") == 1
    assert decant.json(name, *more)["tasks"] == []


@pytest.mark.parametrize("name", ["back", "service:back", "services/back", "services/back/", "./services/back"])
def test_a_project_is_named_in_any_way(repository: Repository, decant: Told, name: str) -> None:
    assert set(decant.statuses("test", name)) == {"back"}


@pytest.mark.parametrize(
    ("here", "name", "found"),
    [
        ("services/front", "../back", "back"),
        ("services/front", "../back/", "back"),
        ("services/front", ".", "front"),
        ("services/front", "other", "other"),
        ("services/front", "services/back", "back"),  # of the workspace, as everywhere
        ("services", "./back", "back"),
        ("services/front/deep", "..", "front"),
        ("services/front/deep", "../../other", "other"),
        ("services/front", "{root}/services/back", "back"),
        (".", "services/../services/back", "back"),
    ],
)
def test_a_folder_is_that_of_where_one_is(
    repository: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch, here: str, name: str, found: str
) -> None:
    (repository.root / "services/front/deep").mkdir()
    monkeypatch.chdir(repository.root / here)
    assert set(decant.statuses("test", name.format(root=repository.root))) == {found}


@pytest.mark.parametrize("name", ["../nobody", "..", "../../..", "../../../../..", "/", ""])
def test_a_folder_of_no_project_is_exit_code_4(
    repository: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(repository.root / "services/front")
    assert decant("test", name) == 4
    assert f"No project is called {name!r}." in decant.err


def test_what_is_not_there_is_exit_code_4_with_a_near_name(repository: Repository, decant: Told) -> None:
    assert decant("test", "frnt") == 4
    assert "Did you mean 'front'?" in decant.err
    assert decant("task", "tset") == 4
    assert "Did you mean 'test'?" in decant.err


@pytest.mark.parametrize("args", [["--base", "main"], ["--all", "back"], ["--force", "--no-cache"]])
def test_options_that_contradict_each_other_are_exit_code_2(
    repository: Repository, decant: Told, args: list[str]
) -> None:
    assert decant("test", *args) == 2


def test_tasks_that_wait_for_each_other_are_exit_code_3(repository: Repository, decant: Told) -> None:
    repository.write(
        {"decant.toml": '[tasks.a]\ncommand = "true"\nneeds = ["b"]\n[tasks.b]\ncommand = "true"\nneeds = ["a"]\n'}
    )
    assert decant("task", "a") == 3
    assert "service:back#a → service:back#b → service:back#a" in decant.err


def test_what_takes_too_long_fails(repository: Repository, decant: Told) -> None:
    repository.write({"decant.toml": '[tasks.test]\ncommand = "sleep 60"\ntimeout_s = 0.3\n'})
    assert decant("test", "back") == 1
    assert "it took longer than 0.3 s" in decant.err


def test_fail_fast_ends_what_runs(repository: Repository, decant: Told) -> None:
    repository.write(
        {
            "services/back/test.sh": "exit 1\n",
            "services/front/test.sh": "sleep 60\n",
            "services/other/test.sh": "sleep 60\n",
        }
    )
    began = time.monotonic()
    found = decant.statuses("test", "--fail-fast", "--parallel", "3")
    assert found == {"back": "failed", "front": "skipped", "other": "skipped"}
    assert time.monotonic() - began < 20


def test_at_most_so_many_run_at_once(repository: Repository, decant: Told) -> None:
    script = 'mkdir "$COUNTER.one" || exit 9; sleep 0.2; rmdir "$COUNTER.one"\n'
    repository.write({f"services/{name}/test.sh": script for name in ALL})
    assert set(decant.statuses("test", "--parallel", "1").values()) == {"passed"}


def test_reports_are_written(
    repository: Repository, decant: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write({"services/back/test.sh": "printf '<bad>&\\033[31m|`'; exit 1\n"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    decant("test", "--junit", str(tmp_path / "new/junit.xml"))
    suites = {suite.get("name"): suite for suite in ET.parse(tmp_path / "new/junit.xml").getroot()}
    assert [suites[f"service:{name}"].get("failures") for name in sorted(ALL)] == ["1", "0", "0"]
    failure = suites["service:back"].find("testcase/failure")
    assert failure is not None
    assert failure.text == "<bad>&|`"
    summary = (tmp_path / "step.md").read_text()
    assert summary.startswith("### decant test\n\n3 tasks: 2 passed, 1 failed")
    assert summary.index("| ✗ |") < summary.index("| ✓ |")


def test_in_a_github_job_output_is_in_groups_and_failures_are_annotated(
    repository: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    repository.write({"services/back/test.sh": "echo broken; exit 1\n"})
    decant("test")
    assert "::group::✓ front" in decant.out
    assert decant.out.count("::endgroup::") == 3
    assert "::error title=test service%3Aback::failed after" in decant.out


def test_an_unreachable_remote_cache_is_a_warning_and_no_failure(
    repository: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECANT_CACHE_URL", "http://127.0.0.1:9/cache")
    assert decant("test") == 0
    assert decant.err.count("The remote cache is not used any more in this run") == 1


def test_secrets_in_declared_variables_count_and_are_written_nowhere(
    repository: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write(
        {"decant.toml": CONFIG.replace('command = "sh test.sh"', 'command = "sh test.sh"\nenv = ["TOKEN"]')}
    )
    monkeypatch.setenv("TOKEN", "correct-horse")
    decant("test", "back")
    monkeypatch.setenv("TOKEN", "battery-staple")
    assert decant.json("test", "back", "--dry-run")["tasks"][0]["reasons"] == ["the variable TOKEN changed"]
    for path in (repository.root / ".decant").rglob("*"):
        assert not path.is_file() or b"correct-horse" not in path.read_bytes()


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_ends_everything_first_politely_then_at_once(
    repository: Repository, tmp_path: Path, signals: int
) -> None:
    tidy = "trap 'exit 0' INT; " if signals == 1 else "trap '' INT TERM; "
    mark = f"97{os.getpid()}{signals}"
    repository.write({"services/back/test.sh": f"{tidy}echo up; (sleep {mark} & wait)\n"})
    process = subprocess.Popen(
        [sys.executable, "-c", "from decant.cli import main; main()", "test", "back"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=repository.root, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert "SIGINT: ending service:back#test" in process.stderr.readline()
        if signals == 2:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert "skipped" in process.stderr.read()
    assert not _is_running(mark)


def test_when_it_is_killed_itself_its_tasks_end(repository: Repository) -> None:
    mark = f"98{os.getpid()}"
    repository.write({"services/back/test.sh": f"echo up; sleep {mark}\n"})
    process = subprocess.Popen(
        [sys.executable, "-c", "from decant.cli import main; main()", "test", "back"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=repository.root, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "up\n"
        process.kill()
    ends = time.monotonic() + 10
    while _is_running(mark):
        assert time.monotonic() < ends
        time.sleep(0.05)


def _is_running(mark: str) -> bool:
    """Return whether a ``sleep`` of so many seconds runs."""
    wanted = f"sleep\0{mark}\0".encode()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes() == wanted:
                return True
        except OSError:
            continue
    return False


# --- the built-in tests, with the pytest of this very environment ---

PYTHON = {
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--strict-markers'\n",
    "services/orders/app.py": "from prices import total\nfrom unused import nothing\n",
    "services/orders/prices.py": "def total(): return 3\n",
    "services/orders/unused.py": "nothing = None\n",
    "services/orders/other.py": "value = 1\n",
    "services/orders/tests/test_app.py": "import app\ndef test_it(): assert app.total() == 3\n",
    "services/orders/tests/test_other.py": "import other\ndef test_it(): assert other.value == 1\n",
    "services/orders/requirements.txt": "",
    "services/empty/app.py": "",
    "services/none/app.py": "",
    "services/none/test_nothing.py": "",
}


def session_of(root: Path, options: Options | None = None) -> Session:
    """Return a session whose tasks run in this process's own environment: nothing is installed."""

    def prepare(project: object, task: object, environ: Mapping[str, str]) -> Mapping[str, str]:
        return {**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}", "PYTHONPATH": "."}

    return Session(open_view(root), options or Options(), lambda _: None, environ=dict(os.environ), prepare=prepare)


def run_tests(session: Session) -> dict[str, tuple[str, str]]:
    plan = session.plan("test", list(session.view.graph.projects.values()), is_named=False)
    with Path(os.devnull).open("w") as null:
        display = Display(list(plan.tasks.values()), null, null, session.output, colour=False)
        runner, close = session.runner(plan, display)
        results = runner.run()
        close()
    return {result.task.label: (result.status, result.note) for result in results}


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    found = Repository(tmp_path / "plain")
    found.write(PYTHON)
    found.commit()
    for name in ("DECANT_HOME", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    return found


def test_pytest_runs_with_the_settings_of_the_root_and_no_tests_pass_with_a_note(services: Repository) -> None:
    expected = {"orders": ("passed", ""), "empty": ("empty", "no tests"), "none": ("passed", "no tests")}
    assert run_tests(session_of(services.root)) == expected
    again = run_tests(session_of(services.root))
    assert again == {"orders": ("cached", ""), "empty": ("empty", "no tests"), "none": ("cached", "no tests")}


def test_a_failing_test_fails(services: Repository) -> None:
    services.write({"services/orders/prices.py": "def total(): return 4\n"})
    assert run_tests(session_of(services.root))["orders"] == ("failed", "exit code 1")


def test_tests_at_the_root_are_run_once_when_all_are(services: Repository) -> None:
    services.write(
        {
            "tests/test_all.py": "from services.orders.prices import total\ndef test_it(): assert total() == 3\n",
            "libs/common/common.py": "",
        }
    )
    assert run_tests(session_of(services.root))["workspace"] == ("passed", "")
    assert run_tests(session_of(services.root))["workspace"] == ("cached", "")
    services.write({"libs/common/common.py": "changed = 1"})  # they may reach it in ways that nobody sees
    assert run_tests(session_of(services.root))["workspace"] == ("passed", "")
    services.write({"services/orders/prices.py": "def total(): return 4\n"})
    assert run_tests(session_of(services.root))["workspace"] == ("failed", "exit code 1")


def test_tests_at_the_root_run_with_what_a_change_reaches_and_not_with_what_is_named(
    services: Repository, decant: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.write({"tests/test_all.py": "def test_it(): assert 0\n"})
    services.commit()

    def planned(*args: str) -> set[str]:
        found = decant.json("test", "--dry-run", *args)
        return {each["project"] for each in found["tasks"]}

    monkeypatch.chdir(services.root)
    everything = {"workspace", "service:orders", "service:empty", "service:none"}
    assert planned() == everything
    assert planned("orders") == {"service:orders"}
    assert planned("--affected", "--base", "main") == set()
    services.write({"services/orders/prices.py": "# changed"})
    assert planned("--affected", "--base", "main") == {"workspace", "service:orders"}
    assert planned("--affected", "--base", "main", "orders") == {"service:orders"}
    services.git("checkout", "-q", ".")
    services.write({"tests/test_all.py": "def test_it(): assert 1\n"})
    assert planned("--affected", "--base", "main") == everything
    monkeypatch.chdir(services.root / "services/orders")
    assert planned() == {"service:orders"}
    assert planned("--all") == everything


def chosen_tests(root: Path) -> set[str]:
    """Return the test files that ``--precise`` leaves of the changes in the work tree."""
    from decant_tools.workspace.affected import affected
    from decant_tools.workspace.tasks.precise import narrow

    view = open_view(root)
    selection = affected(view, base="main")
    session = session_of(root)
    projects = [project for project in view.graph.projects.values() if project.id in selection.ids]
    plan, (note,) = narrow(session, session.plan("test", projects, is_named=False), selection)
    assert "test files may notice what changed" in note
    found = [task for task in plan.tasks.values() if task.id.project == "service:orders"]
    assert isinstance(session.definitions, Definitions)
    return {word.rpartition("/")[2] for task in found for word in task.command if "test" in word and word != "pytest"}


@pytest.mark.parametrize(
    ("changes", "tests"),
    [
        ({"services/orders/prices.py": "# changed"}, {"test_app.py"}),
        ({"services/orders/other.py": "# changed"}, {"test_other.py"}),
        ({"services/orders/tests/test_other.py": "# changed"}, {"test_other.py"}),
        ({"services/orders/prices.py": "#", "services/orders/other.py": "#"}, {"tests"}),
        ({"services/orders/data.json": "{}"}, {"tests"}),  # who reads it?
        ({"services/orders/conftest.py": ""}, {"tests"}),
        ({"services/orders/lonely.py": ""}, {"tests"}),  # nobody imports it, and something may find it
        ({"pyproject.toml": ""}, {"tests"}),
        ({"services/orders/requirements.txt": "flask"}, {"tests"}),
    ],
)
def test_precise_takes_the_test_files_that_reach_a_change_and_all_where_it_is_not_known(
    services: Repository, changes: dict[str, str], tests: set[str]
) -> None:
    services.write(changes)
    assert chosen_tests(services.root) == tests


def test_precise_takes_all_tests_after_a_deletion_and_of_code_that_imports_by_name(services: Repository) -> None:
    (services.root / "services/orders/unused.py").unlink()
    assert chosen_tests(services.root) == {"tests"}
    services.git("checkout", "-q", ".")
    services.write({"services/orders/app.py": "import importlib\nname = 'prices'\nimportlib.import_module(name)\n"})
    services.commit()
    services.write({"services/orders/other.py": "# changed"})
    assert chosen_tests(services.root) == {"tests"}
