"""What is asked of git, and every kind of repository it is asked of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decant_tools.workspace import git as git_module
from decant_tools.workspace.changes import Change, chained
from decant_tools.workspace.git import Git, GitError, Running
from tests.unit.workspace.repository import Repository


def opened(root: Path) -> Git:
    found = Git.open(root)
    assert found is not None
    return found


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.write({"services/orders/app.py": "1\n", "services/users/app.py": "2\n", "libs/common/a.py": "3\n"})
    made.commit()
    return made


def test_a_clean_checkout_has_no_changes(repo: Repository) -> None:
    assert opened(repo.root).changes("HEAD") == []


def test_changes_are_staged_unstaged_untracked_and_deleted_files_sorted(repo: Repository) -> None:
    repo.write({"services/orders/app.py": "4\n", "libs/common/b.py": "5\n", "new.py": "6\n"})
    repo.git("add", "libs/common/b.py")
    (repo.root / "services/users/app.py").unlink()
    assert opened(repo.root).changes("HEAD") == [
        Change("libs/common/b.py", "added"),
        Change("new.py", "added"),
        Change("services/orders/app.py", "modified"),
        Change("services/users/app.py", "deleted"),
    ]


def test_a_moved_file_is_one_deleted_and_one_added(repo: Repository) -> None:
    (repo.root / "libs/moved").mkdir()
    repo.git("mv", "libs/common/a.py", "libs/moved/a.py")
    wanted = [Change("libs/common/a.py", "deleted"), Change("libs/moved/a.py", "added")]
    assert opened(repo.root).changes("HEAD") == wanted
    repo.commit()
    assert opened(repo.root).changes("HEAD~", "HEAD") == wanted


def test_a_file_that_git_no_longer_tracks_but_the_disk_has_is_seen_as_it_is(repo: Repository) -> None:
    repo.git("rm", "--cached", "-q", "libs/common/a.py")
    repo.write({"libs/common/a.py": "other\n"})
    assert opened(repo.root).changes("HEAD") == [Change("libs/common/a.py", "modified")]


def test_ignored_files_and_folders_of_tools_are_no_changes(repo: Repository) -> None:
    repo.write({".gitignore": "*.log\n"})
    repo.commit()
    repo.write({"x.log": "", "libs/common/__pycache__/a.pyc": "", "services/orders/.venv/x.py": "", ".decant/x": ""})
    assert opened(repo.root).changes("HEAD") == []


def test_a_file_that_was_only_touched_is_no_change(repo: Repository) -> None:
    os.utime(repo.root / "libs/common/a.py", (1, 1))
    assert opened(repo.root).changes("HEAD") == []


def test_between_two_commits_the_work_tree_does_not_count(repo: Repository) -> None:
    repo.write({"libs/common/a.py": "4\n"})
    repo.commit()
    repo.write({"dirty.py": ""})
    assert opened(repo.root).changes("HEAD~", "HEAD") == [Change("libs/common/a.py", "modified")]


def test_the_base_counts_and_not_the_last_commit(repo: Repository) -> None:
    repo.write({"libs/common/a.py": "4\n"})
    repo.commit()
    repo.write({"new.py": ""})
    assert opened(repo.root).changes("HEAD~") == [Change("libs/common/a.py", "modified"), Change("new.py", "added")]


def test_a_workspace_in_a_folder_of_the_repository_sees_itself_and_nothing_else(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.write({"back end/services/a/app.py": "1", "front/x.js": "1", "readme": "1"})
    repo.commit()
    repo.write({"back end/services/a/app.py": "2", "back end/new.py": "", "front/x.js": "2", "front/new.js": ""})
    git = opened(repo.root / "back end")
    assert (git.prefix, git.toplevel) == ("back end/", repo.root.resolve())
    assert git.changes("HEAD") == [Change("new.py", "added"), Change("services/a/app.py", "modified")]
    assert [entry.path for entry in git.entries("HEAD")] == ["services/a/app.py"]
    assert [entry.path for entry in git.index()] == ["services/a/app.py"]
    repo.commit()
    assert git.changes("HEAD~", "HEAD") == [Change("new.py", "added"), Change("services/a/app.py", "modified")]


def test_a_workspace_that_is_younger_than_a_commit_had_no_files_then(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.write({"readme": "1"})
    first = repo.commit()
    repo.write({"backend/app.py": "1"})
    repo.commit()
    git = opened(repo.root / "backend")
    assert git.entries(first) == []
    assert git.tree_id(first) == git_module.EMPTY_TREE["sha1"]
    assert git.changes(first) == [Change("app.py", "added")]


def test_names_may_hold_anything_that_a_file_system_allows(repo: Repository) -> None:
    names = [
        'quo"te.py',
        "new\nline.py",
        "tab\t.py",
        " space .py",
        os.fsdecode(b"latin-\xe9.py"),
        "ü.py",
        "-x.py",
        '"q"',
    ]
    repo.write(dict.fromkeys(names, "1\n"))
    git = opened(repo.root)
    assert [change.path for change in git.changes("HEAD")] == sorted(names)
    assert set(git.hash_files(names).values()) == {"d00491fd7e5bb6fa28c517a0bb32b8b506539d4d"}
    repo.commit()
    assert {entry.path for entry in git.entries("HEAD")} >= set(names)
    assert {entry.path for entry in git.index()} >= set(names)


def test_a_file_on_which_a_merge_cannot_agree_is_one_change(repo: Repository) -> None:
    repo.git("checkout", "-q", "-b", "other")
    repo.write({"libs/common/a.py": "theirs\n"})
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write({"libs/common/a.py": "ours\n"})
    repo.commit()
    assert repo.git("merge", "-q", "other", check=False)
    git = opened(repo.root)
    assert git.changes("HEAD") == [Change("libs/common/a.py", "modified")]
    assert [entry.path for entry in git.index()].count("libs/common/a.py") == 1
    (repo.root / "libs/common/a.py").unlink()
    assert git.changes("HEAD") == [Change("libs/common/a.py", "deleted")]


def test_a_repository_without_a_commit_has_only_new_files(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.write({"a.py": "", "b.py": ""})
    repo.git("add", "a.py")
    git = opened(repo.root)
    assert (git.head, git.resolve("HEAD"), git.merge_base("main", "HEAD")) == (None, None, None)
    assert git.changes(git.head_tree) == [Change("a.py", "added"), Change("b.py", "added")]


def test_a_revision_that_is_unknown_or_looks_like_an_option_is_none(repo: Repository) -> None:
    git = opened(repo.root)
    assert git.resolve("HEAD") == repo.git("rev-parse", "HEAD").strip() == git.resolve("main")
    assert git.resolve("nowhere") is git.resolve("--all") is git.resolve("") is None
    assert git.merge_base("nowhere", "HEAD") is git.merge_base("--all", "HEAD") is None
    with pytest.raises(GitError, match="nowhere"):
        git.changes("nowhere")


def test_histories_without_a_common_commit_have_no_merge_base(repo: Repository) -> None:
    first = repo.git("rev-parse", "HEAD").strip()
    repo.git("checkout", "-q", "--orphan", "alone")
    repo.write({"alone": ""})
    repo.commit()
    git = opened(repo.root)
    assert git.merge_base(first, "alone") is None
    assert git.merge_base(first, "main") == first


def test_a_detached_head_and_a_worktree_are_checkouts_like_any(repo: Repository, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "second"))
    (tmp_path / "second/libs/common/a.py").write_text("9\n")
    git = opened(tmp_path / "second")
    assert git.changes("main") == [Change("libs/common/a.py", "modified")]
    assert opened(repo.root).changes("main") == []
    assert git.common_folder == opened(repo.root).common_folder == (repo.root / ".git").resolve()


def test_a_shallow_clone_says_so(repo: Repository, tmp_path: Path) -> None:
    repo.write({"x": ""})
    repo.commit()
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(tmp_path / "shallow"))
    assert opened(tmp_path / "shallow").is_shallow()
    assert not opened(repo.root).is_shallow()


def test_a_folder_outside_of_git_and_a_bare_repository_say_why_not(tmp_path: Path) -> None:
    assert Git.open(tmp_path) is None
    assert Git.why_not(tmp_path) == f"{tmp_path} is in no git repository."
    repo = Repository(tmp_path / "repo")
    repo.git("init", "-q", "--bare", str(tmp_path / "bare"))
    assert Git.open(tmp_path / "bare") is Git.open(repo.root / ".git") is None
    assert "no files there" in Git.why_not(tmp_path / "bare")
    assert Git.why_not(repo.root) == ""


def test_a_machine_without_git_says_so(repo: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Git.open(repo.root) is None
    assert Git.why_not(repo.root) == "There is no program `git`."


def test_a_git_that_hangs_is_ended(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_module, "DEADLINE_S", 0.2)
    with pytest.raises(GitError, match=r"gave no answer within 0.2 s") as caught:
        Running(repo.root, ["-c", "alias.wait=!sleep 20", "wait"]).finish()
    assert caught.value.exit_code == 5


def test_the_variables_of_a_hook_do_not_lead_elsewhere(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert opened(repo.root).changes("HEAD") == []


def test_blobs_come_back_whole_and_large_or_missing_ones_as_none(repo: Repository) -> None:
    repo.write({"large": "x" * 200_000, "empty": "", "lines": "a\n\nb"})
    repo.commit()
    git = opened(repo.root)
    ids = {entry.path: entry.id for entry in git.entries("HEAD")}
    wanted = [ids["lines"], ids["large"], "0" * 40, ids["empty"]]
    assert dict(git.blobs(wanted, limit_bytes=1000)) == {
        ids["lines"]: b"a\n\nb",
        ids["large"]: None,
        "0" * 40: None,
        ids["empty"]: b"",
    }
    assert next(git.blobs([ids["large"]] * 2)) == (ids["large"], b"x" * 200_000)


def test_ids_of_files_that_vanish_are_left_out(repo: Repository) -> None:
    found = opened(repo.root).hash_files(["libs/common/a.py", "gone.py", "services/users/app.py"])
    assert sorted(found) == ["libs/common/a.py", "services/users/app.py"]


def test_no_object_and_no_reference_is_written(repo: Repository) -> None:
    repo.write({"libs/common/a.py": "9\n"})

    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (repo.root / ".git").rglob("*") if path.is_file()}

    before = written()
    git = opened(repo.root)
    git.changes("HEAD")
    git.hash_files(["libs/common/a.py"])
    assert written() == before


def test_what_differs_over_a_commit_between_is_what_differs_in_all(repo: Repository) -> None:
    first = repo.git("rev-parse", "HEAD").strip()
    repo.write({"libs/common/a.py": "4\n", "libs/common/b.py": "5\n", "services/users/app.py": "6\n", "gone.py": ""})
    (repo.root / "services/orders/app.py").unlink()
    repo.commit()
    repo.write({"libs/common/a.py": "3\n", "services/orders/app.py": "1\n", "libs/common/b.py": "7\n", "new.py": ""})
    (repo.root / "gone.py").unlink()
    git = opened(repo.root)
    assert git.head is not None
    found = chained(git.differences(first, git.head), git.differences(git.head), git.hash_files)
    assert [each.change for each in found] == [
        Change("libs/common/b.py", "added"),
        Change("new.py", "added"),
        Change("services/users/app.py", "modified"),
    ]
    repo.git("add", "-A")
    assert git.changes(first) == [each.change for each in found]


def test_a_repository_that_git_refuses_says_so(repo: Repository) -> None:
    (repo.root / ".git/config").write_text("[broken\n")
    assert Git.open(repo.root) is None
    assert Git.why_not(repo.root).startswith(f"Git does not look at {repo.root}: bad config line 1")
