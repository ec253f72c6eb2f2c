"""Archives that are the same bytes for the same files, whoever makes them and when."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

EPOCH_S = 315_532_800
"""The first second that a zip file can hold: 1 January 1980. Backends of wheels are told the same."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def write_tar(folder: Path, paths: Iterable[str], target: Path) -> None:
    """Write files as a ``.tar.gz``.

    Args:
        folder: Where they are.
        paths: Relative to it.
        target: The archive; replaced at once.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    with (
        draft.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(paths):
            tar.add(folder / path, arcname=path, recursive=False, filter=_plain)
    draft.replace(target)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = EPOCH_S
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    return info


def write_zip(folder: Path, paths: Iterable[str], target: Path) -> None:
    """Write files as a ``.zip``; links stay links.

    Args:
        folder: Where they are.
        paths: Relative to it.
        target: The archive; replaced at once.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(paths):
            source = folder / path
            info = zipfile.ZipInfo(path, _ZIP_TIME)
            info.create_system = _UNIX
            info.compress_type = zipfile.ZIP_DEFLATED
            if source.is_symlink():
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, os.fsencode(source.readlink()))
                continue
            is_executable = source.stat().st_mode & 0o100
            info.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
            archive.writestr(info, source.read_bytes())
    draft.replace(target)
