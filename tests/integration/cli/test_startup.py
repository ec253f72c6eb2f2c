"""What the command line imports before it does anything: the modules are counted and not the milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from decant.cli.main import VERBS
from decant_tools.commands import HELP
from tests.unit.workspace.repository import Repository

HEAVY = {
    "asyncio", "email", "flask", "importlib.metadata", "logging", "pydantic", "pydantic_settings", "socket",
    "sqlalchemy", "tempfile", "tomllib", "werkzeug", "zipfile",
}  # fmt: skip
START = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from decant.cli.main import main
main()
"""


def started(folder: Path, *arguments: str, **env: str) -> tuple[str, set[str]]:
    """Run ``decant`` in a process of its own; return what it prints and the modules that it imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DECANT_", "_DECANT", "COMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments],
        check=True, cwd=folder, env=kept | env, timeout=30, text=True, capture_output=True,
    )  # fmt: skip
    modules = set(done.stderr.split())
    assert "decant.cli.main" in modules
    return done.stdout, modules


def commands_in(modules: set[str]) -> set[str]:
    """Return the modules of verbs among others."""
    targets = [verb.target for verb in VERBS.values()]
    targets += [point.value for point in entry_points(group="decant.commands")]
    return modules & {target.partition(":")[0] for target in targets}


def test_help_shows_every_verb_with_its_line_and_imports_none(tmp_path: Path) -> None:
    said, modules = started(tmp_path, "--help")
    assert {line.split()[0] for line in said.partition("Commands:")[2].splitlines() if line[:3].strip()} >= {
        *VERBS,
        *HELP,
    }
    assert all(line in said for line in HELP.values())
    assert commands_in(modules) == set()
    assert modules & HEAVY == set()


def test_the_words_of_the_shell_complete_to_verbs_and_none_is_imported(tmp_path: Path) -> None:
    said, modules = started(tmp_path, _DECANT_COMPLETE="bash_complete", COMP_WORDS="decant a", COMP_CWORD="1")
    assert said == "plain,affected\n"
    assert commands_in(modules) == set()
    assert modules & HEAVY == set()


def test_options_complete_with_the_one_command_that_has_them(tmp_path: Path) -> None:
    said, modules = started(tmp_path, _DECANT_COMPLETE="zsh_complete", COMP_WORDS="decant up --no-d", COMP_CWORD="2")
    assert said.splitlines()[:2] == ["plain", "--no-deps"]
    assert commands_in(modules) == {"decant_tools.commands.up"}
    assert modules & HEAVY == set()


def test_one_line_is_written_for_every_verb_of_the_workbench() -> None:
    ours = {point.name for point in entry_points(group="decant.commands") if point.value.startswith("decant_tools.")}
    assert set(HELP) == ours
    assert all(line.endswith(".") and len(line) <= 65 for line in HELP.values())


@pytest.mark.parametrize(
    ("shell", "part"), [("bash", "complete -o nosort -F"), ("zsh", "#compdef decant"), ("fish", "complete --no-files")]
)
def test_each_shell_gets_its_script(tmp_path: Path, shell: str, part: str) -> None:
    said, modules = started(tmp_path, "completion", shell)
    assert part in said
    assert f"_DECANT_COMPLETE={shell}_complete" in said
    assert modules & HEAVY == set()


def test_bash_completes_with_the_printed_script(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(started(tmp_path, "completion", "bash")[0])
    asked = 'source "$1"; COMP_WORDS=(decant aff); COMP_CWORD=1; _decant_completion decant; echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", asked, "bash", str(script)],
        check=True, timeout=30, text=True, capture_output=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.split() == ["affected"], done.stderr


def test_a_remembered_answer_needs_no_parser_no_framework_and_no_topology(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.write({"services/a/app.py": "import b\n", "libs/b/__init__.py": "", "libs/b/pyproject.toml": ""})
    repo.commit()
    repo.write({"libs/b/__init__.py": "x = 1\n"})
    first, modules = started(tmp_path, "affected", "--base", "HEAD", "--json")
    assert "decant_tools.workspace.assemble" in modules
    again, modules = started(tmp_path, "affected", "--base", "HEAD", "--json")
    assert again == first
    assert '"services/a"' in again
    assert commands_in(modules) == {"decant_tools.commands.affected"}
    assert modules & HEAVY == set()
    unused = {"decant.topology", "decant_tools.workspace.assemble", "decant_tools.workspace.discover.declared"}
    assert modules & unused == set()
