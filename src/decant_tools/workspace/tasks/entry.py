"""A kept result as one file, which says itself whether it is whole.

Shape:
    ``decant-task 1 SHA256`` and a newline, the digest of all that follows; a line of JSON (:class:`Header`); the
    output, as long as the header says; a compressed tar of the files that the task made, where it makes any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

MAGIC = b"decant-task 1 "
_FIRST_LINE = len(MAGIC) + 64 + 1
_HEADER_BYTES = 64 * 1024
CHUNK_BYTES = 1 << 20


class Damaged(Exception):
    """A kept result is not what was kept."""


class Header(NamedTuple):
    """What a kept result says about itself.

    Attributes:
        key: What it is found by.
        task: Whose it is, for people.
        made: When (seconds since 1970).
        duration_s: Seconds that the task took.
        exit_code: Its exit code.
        note: A sentence about it, or "".
        output_bytes: The length of its output.
        files: How many files it made.
        root: A hash of the workspace's path when what it made holds that path; "" when it can be used anywhere.
    """

    key: str
    task: str
    made: float
    duration_s: float
    exit_code: int = 0
    note: str = ""
    output_bytes: int = 0
    files: int = 0
    root: str = ""


class Entry(NamedTuple):
    """A kept result that was found whole.

    Attributes:
        path: Its file.
        header: What it says about itself.
        start: Where its output begins.
    """

    path: Path
    header: Header
    start: int

    def output(self) -> bytes:
        """Return what the task wrote."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.header.output_bytes)

    def archive(self) -> IO[bytes]:
        """Return the open file at the beginning of its tar."""
        file = self.path.open("rb")
        file.seek(self.start + self.header.output_bytes)
        return file


def write_entry(file: IO[bytes], header: Header, output: bytes, add_files: Callable[[IO[bytes]], None] | None) -> None:
    """Write a result into an empty file.

    Args:
        file: Open for reading and writing.
        header: What is known about it; the length of the output is filled in.
        output: What the task wrote.
        add_files: Writes the tar, where there is one.
    """
    fields = {**header._asdict(), "output_bytes": len(output)}
    file.write(MAGIC + b"0" * 64 + b"\n")
    file.write(json.dumps(fields, separators=(",", ":")).encode() + b"\n" + output)
    if add_files:
        add_files(file)
    digest = _digest(file)
    file.seek(0)
    file.write(MAGIC + digest + b"\n")
    file.flush()


def read_entry(path: Path, key: str) -> Entry:
    """Return a kept result after a look at every byte of it.

    Args:
        path: Its file.
        key: What it was found by.

    Raises:
        FileNotFoundError: When there is none.
        Damaged: When it is cut, changed, or that of another key.
    """
    with path.open("rb") as file:
        first = file.read(_FIRST_LINE)
        line = file.readline(_HEADER_BYTES)
        start = file.tell()
        if not first.startswith(MAGIC) or first[len(MAGIC) : -1] != _digest(file):
            raise Damaged("its digest is another")
        size = file.tell()
    try:
        header = Header(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise Damaged("its header cannot be read") from error
    if header.key != key or header.exit_code != 0 or start + header.output_bytes > size:
        raise Damaged("it is the result of something else")
    return Entry(path, header, start)


def _digest(file: IO[bytes]) -> bytes:
    """Return the digest of all that follows the first line; the file stands at its end then."""
    file.seek(_FIRST_LINE)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest().encode()
