"""Writes a pruned workspace into a folder, and replaces nothing that it did not make."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from decant.errors import CommandError
from decant_tools.workspace.store import Store

if TYPE_CHECKING:
    from decant_tools.workspace.git import Git
    from decant_tools.workspace.prune.select import Pruned


def check_output(root: Path, out: Path, *, force: bool) -> None:
    """Refuse a folder that holds what nobody asked to be replaced.

    Args:
        root: The workspace.
        out: Where the files shall go.
        force: Whether what was pruned into it before may be replaced.

    Raises:
        CommandError: Exit code 2.
    """
    if out.resolve() == root.resolve() or root.resolve().is_relative_to(out.resolve()):
        raise CommandError(f"{out} is the workspace itself, or holds it.", hint="Choose another folder.", exit_code=2)
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or out.is_symlink():
        raise CommandError(f"{out} is no folder.", hint="Choose another one with -o.", exit_code=2)
    present = _present(out)
    if not present and not any(out.iterdir()):
        return
    if not force:
        raise CommandError(
            f"{out} is not empty.",
            hint="Choose another folder with -o; --force replaces what was pruned into it before.",
            exit_code=2,
        )
    foreign = sorted(present - _made(root, out))
    if foreign or not present:
        named = f", for instance {foreign[0]}" if foreign else ""
        raise CommandError(
            f"{out} holds files that `decant prune` did not make{named}.",
            hint="--force replaces only what was pruned into it before. Choose another folder, or empty this one.",
            exit_code=2,
        )


def write_pruned(root: Path, pruned: Pruned, out: Path) -> None:
    """Write the files, with their links and executable bits; either all of them or none.

    Args:
        root: The workspace.
        pruned: What to write.
        out: As :func:`check_output` let it pass.

    Raises:
        CommandError: When a file cannot be read or written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        try:
            copy_files(root, pruned, draft)
            draft.chmod(0o755)
            if out.exists():
                shutil.rmtree(out)
            draft.rename(out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error.strerror or error} ({error.filename}).") from error
    Store(root).save(_record(out), [*pruned.files])


def copy_files(root: Path, pruned: Pruned, out: Path) -> None:
    """Copy the files into an empty folder; only the executable bit of their modes is kept.

    Args:
        root: The workspace.
        pruned: What to copy.
        out: The folder.
    """
    made: set[Path] = set()
    for path in pruned.files:
        source, target = root / path, out / path
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        if source.is_symlink():
            target.symlink_to(source.readlink())
            continue
        if path in pruned.changed:
            target.write_bytes(pruned.changed[path])
        else:
            shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def ignore_output(git: Git, out: Path) -> bool:
    """Let git ignore a folder of this repository: what was copied would be found as projects of their own.

    The line goes into the repository's own ``info/exclude``, which is no part of any commit.

    Args:
        git: The repository.
        out: The folder.

    Returns:
        Whether a line was written.
    """
    place = out.resolve()
    if not place.is_relative_to(git.toplevel) or git.ask("check-ignore", "--no-index", str(place)) is not None:
        return False
    exclude = git.common_folder / "info" / "exclude"
    name = re.sub(r"([\\*?\[\] !#])", r"\\\1", place.relative_to(git.toplevel).as_posix())
    try:
        exclude.parent.mkdir(exist_ok=True)
        before = exclude.read_bytes() if exclude.exists() else b""
        gap = b"" if before.endswith(b"\n") or not before else b"\n"
        exclude.write_bytes(before + gap + os.fsencode(f"/{name}/\n"))
    except OSError:
        return False
    return True


def _record(out: Path) -> str:
    return f"pruned-{hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:32]}"


def _made(root: Path, out: Path) -> set[str]:
    found = Store(root).load(_record(out))
    return set(found) if isinstance(found, list) else set()


def _present(out: Path) -> set[str]:
    found: set[str] = set()
    for top, folders, names in os.walk(out):
        links = [name for name in folders if (Path(top) / name).is_symlink()]
        found.update((Path(top) / name).relative_to(out).as_posix() for name in (*names, *links))
    return found
