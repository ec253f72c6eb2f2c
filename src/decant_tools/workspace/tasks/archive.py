"""Files that a task made, into a tar and out of it; what comes out lies where the task may write, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from decant_tools.workspace.tasks.entry import CHUNK_BYTES, Damaged
from decant_tools.workspace.tasks.patterns import compile_patterns, fixed_folder, in_workspace

if TYPE_CHECKING:
    import tarfile

_LEVEL = 1
"""Wheels and images are compressed already; more would only take time."""

_SKIPPED = frozenset({".git", ".decant", ".venv", "node_modules", "__pycache__"})


class Unfit(Exception):
    """What a task made cannot be kept."""


def find_outputs(root: Path, folder: str, patterns: Sequence[str]) -> list[str]:
    """Return the files that match, relative to the workspace and sorted; links are not followed.

    Args:
        root: The workspace.
        folder: The project's folder.
        patterns: Relative to that folder; what lies outside of the workspace is never found.
    """
    is_output = compile_patterns(patterns, folder)
    globs = [in_workspace(pattern, folder) for pattern in patterns if not pattern.startswith("!")]
    starts = {fixed_folder(glob) for glob in globs}
    return sorted({path for start in starts for path in _walk(root, root / start) if is_output(path)})


def _walk(root: Path, start: Path) -> Iterator[str]:
    if start.is_file() or start.is_symlink():
        yield start.relative_to(root).as_posix()
        return
    for top, folders, files in os.walk(start):
        here = Path(top)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and name not in links)
        for name in (*files, *links):
            yield (here / name).relative_to(root).as_posix()


def holds(root: Path, paths: Iterable[str], needle: bytes) -> bool:
    """Return whether some bytes are in one of the files, or in the target of a link."""
    for path in paths:
        place = root / path
        if place.is_symlink():
            if needle in os.fsencode(place.readlink()):
                return True
            continue
        rest = b""
        with place.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if needle in rest + chunk:
                    return True
                rest = chunk[-len(needle) :]
    return False


def pack(root: Path, paths: Sequence[str]) -> Callable[[IO[bytes]], None]:
    """Return what writes files as a tar: the same bytes for the same files, whoever made them and when.

    Args:
        root: The workspace.
        paths: Relative to it.
    """

    def write(file: IO[bytes]) -> None:
        import tarfile

        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT) as tar:
            for path in paths:
                tar.inodes.clear()  # type: ignore[attr-defined]  # a file with two names is two files
                tar.add(root / path, arcname=path, recursive=False, filter=_plain)

    return write


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    if not (info.isreg() or info.issym()):
        raise Unfit(f"{info.name} is neither a file nor a link")
    if info.issym() and _leads_out(info.name, info.linkname):
        raise Unfit(f"{info.name} is a link that leads out of the workspace")
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    return info


def _leads_out(name: str, target: str) -> bool:
    if target.startswith("/"):
        return True
    depth = len(PurePosixPath(name).parts) - 1
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def unpack(file: IO[bytes], root: Path, is_output: Callable[[str], bool]) -> int:
    """Write files of a tar to where they were made, each at once; return how many.

    All names are looked at before the first file is written.

    Args:
        file: At the beginning of the tar.
        root: The workspace.
        is_output: Whether the task may make a file of this name.

    Raises:
        Damaged: When the tar cannot be read, or holds something that the task does not make.
    """
    import tarfile

    start = file.tell()
    try:
        with tarfile.open(fileobj=file, mode="r:gz") as tar:
            for info in tar:
                _look_at(info, root, is_output)
        file.seek(start)
        with tarfile.open(fileobj=file, mode="r:gz") as tar:
            return sum(_write(tar, info, root) for info in tar)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Damaged(f"its files cannot be unpacked: {error}") from error


def _look_at(info: tarfile.TarInfo, root: Path, is_output: Callable[[str], bool]) -> None:
    parts = PurePosixPath(info.name).parts
    if info.name.startswith("/") or ".." in parts or not parts or not is_output(info.name):
        raise Damaged(f"it holds {info.name!r}, which is no output of the task")
    if not (info.isreg() or info.issym()) or (info.issym() and _leads_out(info.name, info.linkname)):
        raise Damaged(f"it holds {info.name!r}, which is neither a file nor a link within the workspace")
    folder = root.joinpath(*parts[:-1])
    if not folder.resolve().is_relative_to(root.resolve()):
        raise Damaged(f"{info.name!r} would be written outside of the workspace")


def _write(tar: tarfile.TarFile, info: tarfile.TarInfo, root: Path) -> int:
    place = root / info.name
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.parent.resolve().is_relative_to(root.resolve()):  # through a link that the tar itself brought
        raise Damaged(f"{info.name!r} would be written outside of the workspace")
    if place.is_dir() and not place.is_symlink():
        raise Damaged(f"{info.name!r} is a folder now")
    new = place.with_name(f".{place.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    if info.issym():
        new.symlink_to(info.linkname)
    else:
        source = tar.extractfile(info)
        assert source is not None  # it is a regular file
        with new.open("xb") as target:
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
        new.chmod(0o755 if info.mode & 0o100 else 0o644)
    new.replace(place)
    return 1
