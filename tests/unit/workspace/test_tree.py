"""Files at one moment: ids are git's own, whatever the file is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from decant_tools.workspace.git import LINK, SUBMODULE, Git
from decant_tools.workspace.tree import FolderTree, MemoryTree, Tree, WorkTree, blob_id, commit_tree, file_id, work_tree
from tests.unit.workspace.repository import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.write({"services/orders/app.py": "1\n", "libs/common/a.py": "3\n", "libs/common/data.bin": b"\0\xff"})
    made.commit()
    return made


def at(repo: Repository, commit: str = "HEAD", folder: str = "") -> Tree:
    git = Git.open(repo.root / folder)
    assert git is not None
    return commit_tree(git, commit)


def test_a_clean_work_tree_is_its_commit(repo: Repository) -> None:
    assert dict(work_tree(repo.root).files) == dict(at(repo).files)
    assert sorted(at(repo).files) == ["libs/common/a.py", "libs/common/data.bin", "services/orders/app.py"]


def test_a_dirty_work_tree_has_the_ids_that_its_commit_will_have(repo: Repository) -> None:
    repo.write({"libs/common/a.py": "4\n", "services/new/app.py": "5\n", 'ü/"q\n.py': "6\n"})
    repo.git("add", "services")
    (repo.root / "libs/common/data.bin").unlink()
    seen = work_tree(repo.root)
    assert seen.read("libs/common/a.py") == b"4\n"
    assert seen.files["services/new/app.py"] == blob_id(b"5\n")
    repo.commit()
    assert dict(seen.files) == dict(at(repo).files)


def test_ids_are_the_same_with_line_endings_and_filters(repo: Repository) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "filter.upper.clean", "tr a-z A-Z")
    repo.write({".gitattributes": "*.up filter=upper\n", "a.txt": "a\r\nb\r\n", "b.up": "shout\n"})
    seen = work_tree(repo.root)
    assert seen.files["a.txt"] == blob_id(b"a\nb\n")
    assert seen.files["b.up"] == blob_id(b"SHOUT\n")
    repo.commit()
    assert dict(seen.files) == dict(at(repo).files)
    assert work_tree(repo.root).read("b.up") == b"SHOUT\n"  # unchanged: what the blob holds, not what was checked out


def test_the_content_of_a_changed_file_has_an_id_of_its_own_before_filters(repo: Repository) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.write({"libs/common/a.py": "x\r\n"})
    seen = work_tree(repo.root)
    assert isinstance(seen, WorkTree)
    assert seen.content_id("libs/common/a.py") == blob_id(b"x\r\n")
    assert seen.files["libs/common/a.py"] == blob_id(b"x\n")


def test_what_was_read_once_stays_as_it_was(repo: Repository) -> None:
    repo.write({"libs/common/a.py": "first\n"})
    seen = work_tree(repo.root)
    assert seen.read("libs/common/a.py") == b"first\n"
    repo.write({"libs/common/a.py": "second\n"})
    assert seen.read("libs/common/a.py") == b"first\n"


def test_a_link_is_what_it_points_to_and_a_submodule_its_commit(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.write({"x.py": ""})
    commit = other.commit()
    repo.git("submodule", "--quiet", "add", str(other.root), "vendored")
    (repo.root / "link").symlink_to("libs/common")
    for seen in (work_tree(repo.root), (repo.commit(), at(repo))[1]):
        assert dict(seen.modes) == {"link": LINK, "vendored": SUBMODULE}
        assert seen.files["vendored"] == commit
        assert seen.read("link") == b"libs/common"
        assert seen.read_many(["vendored", "link"]) == {"link": b"libs/common"}
        with pytest.raises(FileNotFoundError):
            seen.read("vendored")


def test_a_changed_submodule_has_another_id_for_every_content(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.write({"x.py": ""})
    commit = other.commit()
    repo.git("submodule", "--quiet", "add", str(other.root), "vendored")
    repo.commit()
    ids = [work_tree(repo.root).files["vendored"]]
    for content in ("a", "b"):
        (repo.root / "vendored/x.py").write_text(content)
        ids.append(work_tree(repo.root).files["vendored"])
    assert ids[0] == commit
    assert len(set(ids)) == 3


def test_a_repository_that_was_put_inside_counts_as_one_file(repo: Repository) -> None:
    inner = Repository(repo.root / "inner")
    inner.write({"x.py": ""})
    commit = inner.commit()
    seen = work_tree(repo.root)
    assert seen.files["inner"] == commit
    assert "inner/x.py" not in seen.files


def test_a_file_that_becomes_a_folder_or_a_link_is_what_it_is_now(repo: Repository) -> None:
    (repo.root / "libs/common/a.py").unlink()
    repo.write({"libs/common/a.py/b.py": ""})
    (repo.root / "services/orders/app.py").unlink()
    (repo.root / "services/orders/app.py").symlink_to("../../libs/common/data.bin")
    seen = work_tree(repo.root)
    assert sorted(seen.files) == ["libs/common/a.py/b.py", "libs/common/data.bin", "services/orders/app.py"]
    assert dict(seen.modes) == {"services/orders/app.py": LINK}
    assert seen.files["services/orders/app.py"] == blob_id(b"../../libs/common/data.bin")


def test_a_half_deleted_folder_has_what_is_left_and_what_is_new(repo: Repository) -> None:
    (repo.root / "libs/common/a.py").unlink()
    repo.write({"libs/common/left.tmp": ""})
    assert [path for path in work_tree(repo.root).files if path.startswith("libs/")] == [
        "libs/common/data.bin",
        "libs/common/left.tmp",
    ]


def test_a_repository_of_longer_ids_works_the_same(tmp_path: Path) -> None:
    repo = Repository(tmp_path, "--object-format=sha256")
    repo.write({"a.py": "1"})
    before = work_tree(repo.root)
    assert before.files["a.py"] == hashlib.sha256(b"blob 1\x001").hexdigest()
    repo.commit()
    repo.write({"b.py": "2"})
    assert dict(work_tree(repo.root).files) == {"a.py": before.files["a.py"], "b.py": blob_id(b"2", "sha256")}


def test_the_workspace_may_be_a_folder_of_the_repository(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.write({"backend/a.py": "1", "x": "2"})
    repo.commit()
    repo.write({"backend/b.py": "", "y": ""})
    assert sorted(work_tree(repo.root / "backend").files) == ["a.py", "b.py"]
    assert at(repo, folder="backend").read_many(["a.py", "x", "../x"]) == {"a.py": b"1"}


def test_a_workspace_that_the_repository_around_it_ignores_is_a_plain_folder(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.write({".gitignore": "scratch/\n", "scratch/mine/app.py": "1"})
    repo.commit()
    assert list(work_tree(repo.root / "scratch/mine").files) == ["app.py"]


def test_a_large_file_is_never_read_for_what_it_says_and_still_has_its_id(repo: Repository) -> None:
    content = os.urandom(1 << 10) * (3 << 10)
    repo.write({"large.py": content})
    seen = work_tree(repo.root)
    assert list(seen.contents(["large.py"], limit_bytes=1 << 20)) == [("large.py", None)]
    assert seen.files["large.py"] == file_id(repo.root / "large.py") == blob_id(content)
    assert seen.read("large.py") == content
    repo.commit()
    assert list(at(repo).contents(["large.py"], limit_bytes=1 << 20)) == [("large.py", None)]


def test_a_file_that_is_not_there_is_said_so(repo: Repository) -> None:
    for seen in (work_tree(repo.root), at(repo), MemoryTree({})):
        assert seen.read_many(["nowhere.py"]) == {}
        with pytest.raises(FileNotFoundError):
            seen.read("nowhere.py")


def test_links_are_followed_to_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file.txt").write_text("x")
    for link, target in (("a/one", "file.txt"), ("two", "a/one"), ("round", "round"), ("out", "../x")):
        (tmp_path / link).symlink_to(target)
    tree = work_tree(tmp_path)
    assert [tree.followed(path) for path in ("a/file.txt", "a/one", "two")] == ["a/file.txt"] * 3
    assert [tree.followed(path) for path in ("round", "out", "none")] == ["round", "../x", "none"]


def test_a_folder_without_git_is_walked_without_what_ignores_itself(tmp_path: Path) -> None:
    """What ``DECANT_HOME`` names, and a cache: git would not see them either."""
    files = {
        "state/.gitignore": "*\n",
        "state/keys/services.pem": "",
        "cache/.gitignore": "# by a tool\n*\n",
        "cache/x": "",
        "kept/.gitignore": "*\n!*.py\n",
        "kept/a.py": "",
        ".gitignore": "*\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert sorted(work_tree(tmp_path).files) == [".gitignore", "kept/.gitignore", "kept/a.py"]


def test_a_folder_without_git_is_walked_without_the_folders_of_tools(tmp_path: Path) -> None:
    files = {"b/app.py": "1", "a.py": "2", "__pycache__/x": "", ".venv/x": "", "env/pyvenv.cfg": "", "env/x.py": ""}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "broken").symlink_to("nowhere")
    seen = FolderTree(tmp_path)
    assert dict(seen.files) == {
        "a.py": blob_id(b"2"),
        "b/app.py": blob_id(b"1"),
        "broken": blob_id(b"nowhere"),
        "link": blob_id(b"b"),
    }
    assert dict(seen.modes) == {"broken": LINK, "link": LINK}
    assert seen.read_many(["b/app.py", "gone"]) == {"b/app.py": b"1"}


def test_the_size_and_order_of_files_need_no_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    seen = FolderTree(tmp_path)
    monkeypatch.setattr("decant_tools.workspace.tree.file_id", pytest.fail)
    assert (list(seen.files), len(seen.files), "a" in seen.files, "c" in seen.files) == (["a", "b"], 2, True, False)
