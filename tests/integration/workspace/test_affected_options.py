"""What ``decant affected`` prints, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import EVERYTHING, Monorepo

HELPERS = "libs/base/base/helpers.py"


@pytest.fixture
def repo(tmp_path: Path) -> Monorepo:
    made = Monorepo(tmp_path / "repo")
    made.write({HELPERS: "x = 2\n"})
    return made


def test_a_table_says_why_and_stderr_which_base_was_taken(repo: Monorepo) -> None:
    answer = repo.ask()
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[0] == ["NAME", "KIND", "PATH", "WHY"]
    assert [line[0] for line in lines[1:]] == ["svc1", "svc2", "svc3", "base", "common", "db"]
    assert "services/svc1/requirements.txt:2" in answer.out or "services/svc1/app.py:1" in answer.out
    assert f"{HELPERS} was modified" in answer.out
    assert "Compared with main at" in answer.err


def test_the_document_has_exactly_these_fields(repo: Monorepo) -> None:
    document = repo.ask("--json", "--kind", "lib").document
    assert list(document) == ["schema", "base", "head", "fallback", "affected"]
    assert (document["schema"], document["head"], document["fallback"]) == (1, None, None)
    assert document["base"] == repo.git("rev-parse", "main").strip()
    assert document["affected"][0] == {
        "name": "base",
        "kind": "lib",
        "path": "libs/base",
        "why": [
            {"node": HELPERS, "by": "modified", "at": None},
            {"node": "lib:base", "by": "changed", "at": None},
        ],
    }
    assert [item["name"] for item in document["affected"]] == ["base", "common", "db"]


def test_the_matrix_is_one_line_also_when_it_is_empty(repo: Monorepo) -> None:
    answer = repo.ask("--matrix", "--kind", "service")
    assert answer.out.count("\n") == 1
    assert answer.document["include"][0] == {"name": "svc1", "kind": "service", "path": "services/svc1"}
    assert [item["name"] for item in answer.document["include"]] == ["svc1", "svc2", "svc3"]
    assert repo.ask("--matrix", "--base", "main", "--kind", "module").out == '{"include":[]}\n'


def test_why_is_told_in_words(repo: Monorepo) -> None:
    answer = repo.ask("--why", "svc3")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "service svc3 is affected:"
    assert [line.split("  ")[1] for line in lines[1:]] == [HELPERS, "lib base", "lib db", "service svc3"]
    assert [item["name"] for item in repo.ask("--why", "svc3", "--json").document["affected"]] == ["svc3"]


def test_why_not_is_told_in_words(repo: Monorepo) -> None:
    answer = repo.ask("--why", "svc0")
    assert (answer.code, answer.out) == (
        0,
        "service svc0 is not affected: nothing that it depends on changed: lib leaf.\n",
    )
    assert "depends on nothing else" in repo.ask("--why", "svc5").out


def test_why_of_a_name_that_nobody_has(repo: Monorepo) -> None:
    answer = repo.ask("--why", "svc33")
    assert answer.code == 4
    assert "Did you mean 'svc3'?" in answer.err


def test_the_graph_marks_what_is_affected(repo: Monorepo) -> None:
    answer = repo.ask("--graph")
    assert answer.code == 0
    assert "lib base (" in answer.out
    assert "[changed]" in answer.out
    assert "service svc1 [affected]" in answer.out
    assert repo.ask("--graph=svg").out.lstrip().startswith("<")


def test_named_files_are_judged_and_no_others(repo: Monorepo) -> None:
    assert repo.ask("--json", "--files", "services/svc5/app.py", "./libs/leaf/../leaf/leaf/helpers.py").names == {
        "svc5",
        "leaf",
        "svc0",
    }
    assert repo.ask("--json", "--files", str(repo.root / "services/svc5/app.py")).names == {"svc5"}
    assert repo.ask("--json", "--files", "-", given=b"services/svc5/app.py\nREADME.md\n").names == {"svc5"}
    assert repo.ask("--json", "--files", "-", given=b"services/svc5/app.py\0").names == {"svc5"}
    assert repo.ask("--json", "--files").names == set()
    assert repo.ask("--json", "--files", "libs/leaf/leaf/never.py").names == {"leaf", "svc0"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["services/svc5/app.py"], "--files"),
        (["--files", "../x"], "not in the workspace"),
        (["--base", "mian"], "Did you mean 'main'?"),
        (["--head", "featur"], "Did you mean 'feature'?"),
        (["--edges", "import,manifests"], "manifest"),
        (["--kind", "thing"], "service"),
    ],
)
def test_mistakes_are_usage_errors_that_help(repo: Monorepo, options: list[str], words: str) -> None:
    answer = repo.ask(*options)
    assert answer.code == 2
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_another_head_is_judged_as_it_was(repo: Monorepo) -> None:
    repo.commit()
    repo.write({"services/svc5/app.py": "x = 2\n"})
    second = repo.commit()
    repo.write({"services/svc4/app.py": "x = 2\n"})
    answer = repo.ask("--json", "--base", "HEAD~1", "--head", "HEAD")
    assert (answer.names, answer.document["head"]) == ({"svc5"}, second)
    assert repo.ask("--json", "--base", "main", "--head", "HEAD~1").names == {
        "base",
        "common",
        "db",
        "svc1",
        "svc2",
        "svc3",
    }


def test_the_ci_says_what_a_change_will_be_merged_into(repo: Monorepo) -> None:
    repo.git("branch", "develop", "main")
    repo.commit()
    answer = repo.ask("--json", CI="true", GITHUB_BASE_REF="develop")
    assert answer.names == {"base", "common", "db", "svc1", "svc2", "svc3"}
    assert "GITHUB_BASE_REF" in answer.err


def test_a_detached_head_is_compared_with_main(repo: Monorepo) -> None:
    repo.commit()
    repo.git("checkout", "-q", "--detach")
    assert repo.ask("--json").names == {"base", "common", "db", "svc1", "svc2", "svc3"}


def test_a_clone_without_the_base_selects_everything_or_stops_when_told(repo: Monorepo, tmp_path: Path) -> None:
    repo.commit()
    clone = Monorepo.__new__(Monorepo)
    clone.root = tmp_path / "clone"
    repo.git("clone", "-q", "--depth", "1", "--branch", "feature", f"file://{repo.root}", str(clone.root))
    answer = clone.ask("--json", CI="true", GITHUB_BASE_REF="main")
    assert (answer.code, answer.names) == (0, EVERYTHING)
    assert answer.document["fallback"]["code"] == "shallow-clone"
    assert answer.document["base"] is None
    assert "fetch-depth" in answer.err
    assert answer.why("svc4") == [("service:svc4", "fallback", "shallow-clone")]
    strict = clone.ask("--strict-base", "--json", CI="true", GITHUB_BASE_REF="main")
    assert strict.code == 6
    assert "fetch-depth" in strict.err


def test_a_folder_without_git_selects_everything(repo: Monorepo) -> None:
    shutil.rmtree(repo.root / ".git")
    answer = repo.ask("--json")
    assert (answer.code, answer.names) == (0, EVERYTHING)
    assert answer.document["fallback"]["code"] == "no-repository"
    assert repo.ask("--strict-base").code == 6
    assert repo.ask("--json", "--files", "libs/leaf/leaf/helpers.py").names == {"leaf", "svc0"}


def test_a_repository_without_a_commit_selects_everything(repo: Monorepo) -> None:
    shutil.rmtree(repo.root / ".git")
    repo.git("init", "-q", "-b", "main")
    answer = repo.ask("--json")
    assert (answer.code, answer.names) == (0, EVERYTHING)
    assert answer.document["fallback"]["code"] == "no-commit"


def test_a_decant_toml_that_is_wrong_is_named_with_its_line(repo: Monorepo) -> None:
    repo.write({"decant.toml": "[affected]\nbose = 'x'\n"})
    answer = repo.ask()
    assert answer.code == 3
    assert "base" in answer.err


def test_what_is_wrong_is_one_document_too(repo: Monorepo) -> None:
    document = json.loads(repo.ask("--base", "mian", "--json").out)
    assert document["error"]["exit_code"] == 2
