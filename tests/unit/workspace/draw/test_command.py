"""``decant graph`` as it is typed, in repositories without git and with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from decant.errors import CommandError
from decant_tools.commands.graph import command
from tests.unit.workspace.repository import Repository

FILES = {
    "services/orders/app.py": "from common import helpers\n",
    "services/orders/requirements.txt": "../../libs/common\n",
    "services/users/app.py": "import common\n",
    "libs/common/__init__.py": "",
    "libs/common/helpers.py": "",
}
TREE = "service orders\n└─ lib common (import, manifest)\nservice users\n└─ lib common (import)\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    found = Repository(tmp_path / "repo")
    found.write(FILES)
    found.commit()
    monkeypatch.chdir(found.root)
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    return found


def graph(*args: str) -> Result:
    return CliRunner().invoke(command, args, catch_exceptions=False, standalone_mode=True)


def test_the_tree_is_on_stdout_and_all_else_on_stderr(repository: Repository) -> None:
    done = graph()
    assert (done.exit_code, done.stdout) == (0, TREE)
    assert done.stderr == "1 fault: decant graph --check\n"


def test_a_workspace_in_a_folder_below_is_named_where_there_are_no_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Repository(tmp_path / "repo")
    found.write({"python/pyproject.toml": "", **{f"python/{path}": text for path, text in FILES.items()}})
    monkeypatch.chdir(found.root)
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    done = graph()
    assert (done.exit_code, done.stdout) == (0, "No projects.\n")
    below = "A workspace lies in python: `decant -C python …`."
    assert done.stderr == f"There is no service and no lib in {found.root}. {below}\n"
    monkeypatch.chdir(found.root / "python/services")
    assert graph().stdout == TREE


def test_named_projects_come_with_what_they_need(repository: Repository) -> None:
    assert graph("orders").stdout == "service orders\n└─ lib common (import, manifest)\n"
    assert graph("common").stdout == "lib common\n"


def test_the_focus_comes_with_who_needs_it(repository: Repository) -> None:
    assert graph("--focus", "libs/common").stdout == TREE
    assert graph("--focus", "users").stdout == "service users\n└─ lib common (import)\n"


def test_check_lists_what_is_wrong_and_fails(repository: Repository) -> None:
    done = graph("--check")
    assert done.exit_code == 1
    assert done.stdout.startswith("services/users/app.py:1: error[undeclared-import]: ")
    assert done.stdout.count("\n") == 1
    repository.write({"services/users/requirements.txt": "../../libs/common\n"})
    done = graph("--check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "Nothing is wrong: 3 projects.\n"


def test_check_of_some_looks_at_those_alone(repository: Repository) -> None:
    assert graph("orders", "--check").exit_code == 0
    assert graph("users", "--check").exit_code == 1


def test_check_with_a_format_prints_the_document_and_fails(repository: Repository) -> None:
    done = graph("--check", "--json")
    assert done.exit_code == 1
    assert [each["code"] for each in json.loads(done.stdout)["findings"] if each["level"] == "error"] == [
        "undeclared-import"
    ]


def test_check_names_a_cycle_with_the_line_that_begins_it(repository: Repository) -> None:
    repository.write(
        {
            "libs/other/__init__.py": "\nfrom common import helpers\n",
            "libs/common/helpers.py": "import other\n",
            "libs/other/requirements.txt": "../common\n",
            "libs/common/requirements.txt": "../other\n",
        }
    )
    (repository.root / "services/users/app.py").unlink()
    done = graph("--check")
    assert done.exit_code == 1
    assert done.stdout.startswith("libs/common/helpers.py:1: error[cycle]: common → other → common need each other.")


def test_what_changed_and_what_that_affects_is_marked(repository: Repository) -> None:
    repository.git("switch", "-q", "-c", "work")
    repository.write({"libs/common/helpers.py": "MORE = 1\n"})
    assert graph("--affected", "--base", "main").stdout == (
        "service orders [affected]\n"
        "└─ lib common (import, manifest) [changed]\n"
        "service users [affected]\n"
        "└─ lib common (import) [changed]\n"
    )
    states = {
        each["id"]: each["state"]
        for each in json.loads(graph("--affected", "--base", "main", "--json").stdout)["projects"]
    }
    assert states == {"lib:common": "changed", "service:orders": "affected", "service:users": "affected"}


def test_everything_is_marked_loudly_where_there_is_no_base(repository: Repository) -> None:
    done = graph("--affected", "--base", "0" * 40, "orders")
    assert "Everything is affected: " in done.stderr
    assert done.stdout == "service orders [affected]\n└─ lib common (import, manifest) [affected]\n"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("g.svg", "<svg "),
        ("g.dot", "digraph"),
        ("g.gv", "digraph"),
        ("g.mmd", "flowchart"),
        ("g.json", "{"),
        ("g", "service"),
    ],
)
def test_the_name_of_the_file_says_the_format(repository: Repository, name: str, start: str) -> None:
    done = graph("-o", name)
    assert done.stdout == ""
    assert f"Wrote {name}." in done.stderr
    assert (repository.root / name).read_text().startswith(start)


def test_a_file_that_cannot_be_written_is_said_with_its_reason(repository: Repository) -> None:
    with pytest.raises(CommandError, match=r"missing/g\.svg: No such file or directory\.") as caught:
        command.main(["-o", "missing/g.svg"], standalone_mode=False)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("args", [["--base", "main"], ["--json", "--format", "svg"], ["--format", "gif"]])
def test_what_contradicts_itself_is_refused(repository: Repository, args: list[str]) -> None:
    assert graph(*args).exit_code == 2


def test_a_folder_without_git_is_drawn_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert graph().stdout == TREE
