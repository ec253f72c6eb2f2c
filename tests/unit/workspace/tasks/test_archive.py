from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from decant_tools.workspace.tasks.archive import Unfit, find_outputs, holds, pack, unpack
from decant_tools.workspace.tasks.entry import Damaged
from decant_tools.workspace.tasks.patterns import compile_patterns

IS_OUTPUT = compile_patterns(["dist"], "libs/a")


def packed(root: Path, paths: list[str]) -> io.BytesIO:
    file = io.BytesIO()
    pack(root, paths)(file)
    file.seek(0)
    return file


def tar_of(*members: tuple[str, bytes | None, str]) -> io.BytesIO:
    """Return a tar with files (content) and links (their target)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content, target in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, target
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    file.seek(0)
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "libs/a/dist/sub").mkdir(parents=True)
    (root / "libs/a/dist/a.whl").write_bytes(b"wheel")
    (root / "libs/a/dist/sub/tool").write_bytes(b"#!")
    (root / "libs/a/dist/sub/tool").chmod(0o755)
    (root / "libs/a/dist/latest").symlink_to("a.whl")
    (root / "libs/a/setup.py").write_bytes(b"")
    return root


def test_what_was_packed_comes_back(root: Path, tmp_path: Path) -> None:
    paths = find_outputs(root, "libs/a", ["dist"])
    assert paths == ["libs/a/dist/a.whl", "libs/a/dist/latest", "libs/a/dist/sub/tool"]
    other = tmp_path / "other"
    assert unpack(packed(root, paths), other, IS_OUTPUT) == 3
    assert (other / "libs/a/dist/a.whl").read_bytes() == b"wheel"
    assert os.access(other / "libs/a/dist/sub/tool", os.X_OK)
    assert (other / "libs/a/dist/latest").readlink() == Path("a.whl")


def test_the_same_files_make_the_same_tar_whenever_they_were_made(root: Path) -> None:
    first = packed(root, ["libs/a/dist/a.whl"]).getvalue()
    os.utime(root / "libs/a/dist/a.whl", (1, 1))
    second = packed(root, ["libs/a/dist/a.whl"]).getvalue()
    contents = [tarfile.open(fileobj=io.BytesIO(each)).getmembers()[0].get_info() for each in (first, second)]  # noqa: SIM115
    assert contents[0] == contents[1]


def test_a_file_with_two_names_is_two_files(root: Path, tmp_path: Path) -> None:
    (root / "libs/a/dist/b.whl").hardlink_to(root / "libs/a/dist/a.whl")
    other = tmp_path / "other"
    assert unpack(packed(root, ["libs/a/dist/a.whl", "libs/a/dist/b.whl"]), other, IS_OUTPUT) == 2
    assert (other / "libs/a/dist/b.whl").read_bytes() == b"wheel"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../secret", "../../../.."])
def test_a_link_that_leads_out_is_not_kept(root: Path, target: str) -> None:
    (root / "libs/a/dist/out").symlink_to(target)
    with pytest.raises(Unfit, match="leads out"):
        packed(root, ["libs/a/dist/out"])


def test_a_pipe_is_not_kept(root: Path) -> None:
    os.mkfifo(root / "libs/a/dist/pipe")
    with pytest.raises(Unfit, match="neither a file nor a link"):
        packed(root, ["libs/a/dist/pipe"])


@pytest.mark.parametrize(
    "members",
    [
        [("/etc/cron.d/x", b"", "")],
        [("libs/a/dist/../../../../x", b"", "")],
        [("../x", b"", "")],
        [("libs/a/setup.py", b"evil", "")],  # in the workspace, and no output of the task
        [("libs/a/dist/out", None, "/etc/passwd")],
        [("libs/a/dist/out", None, "../../../../x")],
        [("libs/a/dist/ok", b"", ""), ("libs/a/setup.py", b"evil", "")],
    ],
)
def test_a_tar_that_would_write_elsewhere_writes_nothing(
    root: Path, members: list[tuple[str, bytes | None, str]]
) -> None:
    with pytest.raises(Damaged):
        unpack(tar_of(*members), root, IS_OUTPUT)
    assert (root / "libs/a/setup.py").read_bytes() == b""
    assert not (root / "libs/a/dist/ok").exists()


def test_a_tar_cannot_write_through_a_link_that_lies_there(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / "libs/a/dist/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Damaged, match="outside"):
        unpack(tar_of(("libs/a/dist/link/x", b"evil", "")), root, IS_OUTPUT)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_device_is_refused(root: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        info = tarfile.TarInfo("libs/a/dist/null")
        info.type = tarfile.CHRTYPE
        tar.addfile(info)
    file.seek(0)
    with pytest.raises(Damaged, match="neither"):
        unpack(file, root, IS_OUTPUT)


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b\x08 broken"])
def test_what_is_no_tar_is_told(root: Path, content: bytes) -> None:
    with pytest.raises(Damaged):
        unpack(io.BytesIO(content), root, IS_OUTPUT)


def test_a_file_that_lies_there_is_replaced_and_others_stay(root: Path) -> None:
    (root / "libs/a/dist/other").write_bytes(b"mine")
    unpack(tar_of(("libs/a/dist/a.whl", b"new", "")), root, IS_OUTPUT)
    assert (root / "libs/a/dist/a.whl").read_bytes() == b"new"
    assert (root / "libs/a/dist/other").read_bytes() == b"mine"


def test_outputs_outside_of_the_project_are_found(root: Path) -> None:
    (root / "dist/lib-a").mkdir(parents=True)
    (root / "dist/lib-a/x.whl").write_bytes(b"")
    assert find_outputs(root, "libs/a", ["/dist/lib-a/**"]) == ["dist/lib-a/x.whl"]
    assert find_outputs(root, "libs/a", ["../../dist/lib-a/*.whl"]) == ["dist/lib-a/x.whl"]
    assert find_outputs(root, "libs/a", ["no/such/*"]) == []
    assert find_outputs(root, "libs/a", []) == []


def test_a_path_within_a_file_is_found_where_it_crosses_a_chunk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decant_tools.workspace.tasks.archive.CHUNK_BYTES", 8)
    (root / "libs/a/dist/log").write_bytes(b"12345/home/me/67890")
    assert holds(root, ["libs/a/dist/log"], b"/home/me")
    assert not holds(root, ["libs/a/dist/log"], b"/home/you")
