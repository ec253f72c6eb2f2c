"""A pruned workspace goes into a folder of its own, and replaces nothing but an older one."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.model import Project
from decant_tools.workspace.prune import Pruned, check_output, write_pruned


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "bin").mkdir(parents=True)
    (root / "a.py").write_text("a")
    (root / "bin/run").write_text("b")
    (root / "bin/run").chmod(0o700)
    (root / "link").symlink_to("a.py")
    return root


PRUNED = Pruned(Project("service", "a", ""), ("a.py", "bin/run", "link"), {"a.py": b"reduced"}, ())


def prune(root: Path, out: Path, pruned: Pruned = PRUNED, *, force: bool = False) -> None:
    check_output(root, out, force=force)
    write_pruned(root, pruned, out)


def files(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir())


def test_files_keep_links_and_executable_bits(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    prune(root, out)
    assert files(out) == ["a.py", "bin/run", "link"]
    assert (out / "a.py").read_bytes() == b"reduced"
    assert (out / "link").readlink() == Path("a.py")
    assert [path.stat().st_mode & 0o777 for path in (out / "a.py", out / "bin/run")] == [0o644, 0o755]
    assert list(out.parent.iterdir()) == [out]


def test_an_empty_folder_is_fine(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    prune(root, tmp_path / "out")
    assert len(files(tmp_path / "out")) == 3


def refused(root: Path, out: Path, *, force: bool = False) -> str:
    before = files(out) if out.is_dir() else None
    with pytest.raises(CommandError) as caught:
        prune(root, out, force=force)
    assert caught.value.exit_code == 2
    assert before == (files(out) if out.is_dir() else None)
    return caught.value.detail


def test_a_folder_with_files_is_refused(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prune(root, out)
    assert "not empty" in refused(root, out)


def test_force_replaces_what_was_pruned_before_and_nothing_else(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prune(root, out)
    prune(root, out, Pruned(PRUNED.project, ("a.py",), {}, ()), force=True)
    assert files(out) == ["a.py"]
    (out / "mine.txt").write_text("")
    assert "mine.txt" in refused(root, out, force=True)


def test_force_does_not_replace_a_foreign_folder(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "empty").mkdir(parents=True)
    assert "did not make" in refused(root, out, force=True)
    (out / "a.py").write_text("mine")
    assert "a.py" in refused(root, out, force=True)


@pytest.mark.parametrize("out", [".", ".."])
def test_the_workspace_itself_is_refused(root: Path, out: str) -> None:
    assert "workspace" in refused(root, root / out, force=True)


def test_a_file_is_no_folder(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    assert "no folder" in refused(root, tmp_path / "out")


def test_a_file_that_cannot_be_read_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        prune(root, tmp_path / "new" / "out", Pruned(PRUNED.project, ("gone.py",), {}, ()))
    assert list((tmp_path / "new").iterdir()) == []
