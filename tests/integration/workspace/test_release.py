"""``decant versions`` and ``decant release`` in a plain monorepo, by the real command."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.workspace.plain import DECANT, Plain, decant


@pytest.fixture
def repo(tmp_path: Path) -> Plain:
    return Plain(tmp_path / "repo")


def released(repo: Plain) -> Plain:
    assert repo.decant("release", "--yes").code == 0
    return repo


def versions(repo: Plain, *arguments: str) -> dict[str, tuple[str, int, str | None]]:
    found = repo.decant("versions", "--json", *arguments).document["versions"]
    return {each["name"]: (each["version"], each["count"], each["next"]) for each in found}


def test_everything_starts_at_0_1_0(repo: Plain) -> None:
    names = ["common_utils", "db_connector", "order_service", "product_service", "user_service"]
    assert versions(repo) == dict.fromkeys(names, ("0.1.0", 1, "0.1.0"))


def test_a_lib_reaches_those_who_use_it(repo: Plain) -> None:
    released(repo)
    repo.change("feat: shorter names", "libs/common_utils/helpers.py")
    assert versions(repo) == {
        "common_utils": ("0.1.0", 1, "0.2.0"),
        "db_connector": ("0.1.0", 0, None),
        "order_service": ("0.1.0", 1, "0.1.1"),
        "product_service": ("0.1.0", 0, None),
        "user_service": ("0.1.0", 1, "0.1.1"),
    }
    done = repo.decant("release", "--yes", "--json").document
    assert [(each["name"], each["to"], each["why"]) for each in done["releases"]] == [
        ("common_utils", "0.2.0", "a feature"),
        ("order_service", "0.1.1", "dependency: common_utils 0.2.0"),
        ("user_service", "0.1.1", "dependency: common_utils 0.2.0"),
    ]
    assert done["tags"] == ["common_utils-v0.2.0", "order_service-v0.1.1", "user_service-v0.1.1"]
    assert repo.git("tag", "--points-at", "HEAD").split() == done["tags"]
    changelog = (repo.root / "services/user_service/CHANGELOG.md").read_text()
    assert "- dependency: common_utils 0.2.0\n" in changelog
    assert versions(repo)["user_service"] == ("0.1.1", 0, None)


def test_the_table_says_what_and_through_what(repo: Plain) -> None:
    released(repo)
    repo.change("fix: mend", "libs/common_utils/helpers.py")
    commit = repo.change("feat: own", "services/user_service/app.py")
    answer = repo.decant("versions", "user_service")
    assert "2 commits: 1 own, 1 common_utils" in answer.out
    assert f"{commit[:10]}  feat: own\n" in answer.out
    assert "fix: mend  (through common_utils)" in answer.out


def test_a_dry_run_changes_nothing_and_takes_a_dirty_tree(repo: Plain) -> None:
    repo.write({"services/user_service/new.py": ""})
    answer = repo.decant("release", "--dry-run")
    assert answer.code == 0
    assert "user_service" in answer.out
    assert repo.git("tag") == ""
    assert repo.git("status", "--porcelain").split() == ["??", "services/user_service/new.py"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["release"], 2, "--yes"),
        (["release", "--json"], 2, "--yes"),
        (["release", "--yes", "--all", "--affected"], 2, "exclude"),
        (["release", "--yes", "user_servise"], 4, "user_service"),
        (["versions", "user_servise"], 4, "user_service"),
    ],
)
def test_mistakes_are_told(repo: Plain, arguments: list[str], code: int, said: str) -> None:
    answer = repo.decant(*arguments)
    assert answer.code == code
    assert said in answer.out + answer.err
    assert repo.git("tag") == ""


def test_a_dirty_tree_is_refused(repo: Plain) -> None:
    repo.write({"services/user_service/new.py": ""})
    answer = repo.decant("release", "--yes")
    assert answer.code == 6
    assert "services/user_service/new.py" in answer.err


def test_a_shallow_clone_is_refused_with_the_fix(repo: Plain, tmp_path: Path) -> None:
    released(repo)
    repo.git("clone", "-q", "--depth=1", repo.root.as_uri(), str(tmp_path / "clone"))
    for arguments in (["release", "--yes"], ["release", "--dry-run"], ["versions"]):
        answer = decant(tmp_path / "clone", *arguments)
        assert answer.code == 6
        assert "git fetch --unshallow --tags" in answer.err


def test_without_a_repository_versions_are_0_1_0_and_a_release_is_refused(repo: Plain, tmp_path: Path) -> None:
    repo.root.joinpath(".git").rename(tmp_path / "gone")
    assert versions(repo)["user_service"] == ("0.1.0", 0, "0.1.0")
    assert repo.decant("release", "--yes").code == 6


@pytest.mark.parametrize("verb", ["versions", "release"])
def test_a_repository_that_cannot_be_read_is_no_missing_one(repo: Plain, verb: str) -> None:
    """As in a container that runs as somebody else: its tags are there, and 0.1.0 would be wrong."""
    answer = repo.decant(verb, *(["--yes"] if verb == "release" else []), GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert (answer.code, answer.out) == (6, "")
    assert "detected dubious ownership" in answer.err
    assert f"help: Run `git config --global --add safe.directory {repo.root}`." in answer.err
    assert "git init" not in answer.err


def test_without_git_itself_that_is_what_is_missing(repo: Plain, tmp_path: Path) -> None:
    answer = repo.decant("versions", PATH=str(tmp_path))
    assert (answer.code, answer.out) == (6, "")
    assert "There is no program `git`." in answer.err
    assert "help: Install git." in answer.err


def test_before_the_first_commit_versions_are_0_1_0_and_a_release_is_refused(repo: Plain) -> None:
    repo.git("update-ref", "-d", "HEAD")
    assert versions(repo)["user_service"] == ("0.1.0", 0, "0.1.0")
    answer = repo.decant("release", "--yes")
    assert (answer.code, "no commit" in answer.err) == (6, True)


def test_one_project_gets_the_part_that_is_said(repo: Plain) -> None:
    released(repo)
    repo.change("fix: all", "services/user_service/app.py", "services/order_service/app.py")
    done = repo.decant("release", "user_service", "--bump", "minor", "--yes", "--json").document
    assert done["tags"] == ["user_service-v0.2.0"]


def test_shared_files_reach_those_who_use_them(repo: Plain) -> None:
    repo.write({
        "requirements-base.txt": "flask==3.0.0\n",
        "services/user_service/requirements.txt": "-r ../../requirements-base.txt\n../../libs/common_utils\n",
    })  # fmt: skip
    repo.save("build: share")
    released(repo)
    repo.write({"requirements-base.txt": "flask==3.1.0\n"})
    repo.save("build: a newer flask")
    repo.change("ci: build otherwise", "Makefile", "pyproject.toml")
    changed = {name for name, (_, count, _) in versions(repo).items() if count}
    assert changed == {"user_service"}


def test_the_rules_of_affected_hold(repo: Plain) -> None:
    rules = (
        '[affected]\nnothing = ["**/notes.txt"]\nall = ["proto"]\n[affected.files]\n"sql/*.sql" = ["product_service"]\n'
    )
    repo.write({"decant.toml": rules, "services/user_service/notes.txt": "", "proto/a.proto": "", "sql/a.sql": ""})
    repo.save("build: rules")
    released(repo)
    repo.change("fix: notes", "services/user_service/notes.txt")
    assert not {name for name, (_, count, _) in versions(repo).items() if count}
    repo.change("fix: columns", "sql/a.sql")
    assert {name for name, (_, count, _) in versions(repo).items() if count} == {"product_service"}
    repo.change("feat: messages", "proto/a.proto")
    assert {name: to for name, (_, _, to) in versions(repo).items()} == dict.fromkeys(versions(repo), "0.2.0")


def answered(repo: Plain, text: bytes) -> int:
    """Run a release on a terminal, and answer its question."""
    ours, theirs = pty.openpty()
    try:
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        with subprocess.Popen(
            [DECANT, "release"],
            cwd=repo.root,
            env=environ,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            said = b""
            while b"[y/N]" not in said:
                piece = os.read(process.stderr.fileno(), 100)
                assert piece, said
                said += piece
            os.write(ours, text)
            process.stderr.read()
            return process.wait(30)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_on_a_terminal_it_asks(repo: Plain) -> None:
    assert answered(repo, b"n\n") != 0
    assert repo.git("tag") == ""
    assert answered(repo, b"y\n") == 0
    assert len(repo.git("tag").split()) == 5
