"""What git knows: commits, trees, what changed; asked of the real program, with names as bytes and a deadline.

All paths that go in and come out are relative to the workspace, which may be a folder inside of the repository; what
lies outside of it is left out. Nothing here writes to the repository; git itself may note in its index which files it
found to be unchanged, as ``git status`` does.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple

from decant.errors import CommandError
from decant_tools.workspace.changes import Change, Difference, Entry

__all__ = ["EMPTY_TREE", "LINK", "SKIPPED", "SUBMODULE", "Change", "Git", "GitError", "Running", "Started"]

DEADLINE_S = 120.0
"""How long one call of git may take; a hundred thousand files need a few seconds."""

SKIPPED = (
    "__pycache__", "node_modules", ".decant", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".git", ".hg", ".svn",
)  # fmt: skip
"""Folders of tools: they are no part of a workspace unless git tracks them, also where nobody wrote a .gitignore."""

LINK, SUBMODULE = "120000", "160000"
EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The ids of the tree without files, which git knows without being told."""

_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
"""What a hook of another repository, or of this one, would otherwise make us look at."""

_UNMERGED = "unmerged"
_CHUNK_BYTES = 1 << 16


class GitError(CommandError):
    """Git cannot answer."""

    code = "git"
    title = "Git failed"


class Running:
    """A git that was started and not yet listened to, so that several work side by side."""

    def __init__(self, root: Path, args: Sequence[str], *, has_input: bool = False) -> None:
        self.args = args
        try:
            self._process = subprocess.Popen(
                ["git", *args],
                cwd=root, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise GitError("There is no program `git`.", hint="Install git, or name the files.", exit_code=6) from error
        except OSError as error:
            raise GitError(f"git cannot be started: {error.strerror}.", exit_code=6) from error

    def finish(self, given: bytes | None = None) -> tuple[int, bytes, str]:
        """Wait for the end; return the exit code, what was said, and on stderr.

        Raises:
            GitError: Exit code 5, when it takes longer than :data:`DEADLINE_S`.
        """
        try:
            out, err = self._process.communicate(given, DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise GitError(
                f"`git {self.args[0]}` gave no answer within {DEADLINE_S:g} s.",
                hint="Is the disk slow, or does a filter or a file system monitor of git's configuration hang?",
                exit_code=5,
            ) from error
        return self._process.returncode, out, err.decode("utf-8", "replace").strip()

    def stop(self) -> None:
        """End it, without waiting for what it may have started itself."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    @contextlib.contextmanager
    def conversation(self, given: bytes) -> Iterator[IO[bytes]]:
        """Tell it something in the background, give what it answers meanwhile, and end it.

        It is stopped after :data:`DEADLINE_S`, too: there are no more answers then.
        """
        import threading

        answers = self._process.stdout
        assert answers is not None
        telling = threading.Thread(target=self._tell, args=(given,), daemon=True)
        deadline = threading.Timer(DEADLINE_S, self._process.kill)
        telling.start()
        deadline.start()
        try:
            yield answers
        finally:
            deadline.cancel()
            self._process.kill()
            telling.join()
            deadline.join()
            self.stop()

    def _tell(self, given: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin:  # it was stopped: nobody wants the rest
            self._process.stdin.write(given)

    def output(self, given: bytes | None = None) -> bytes:
        """Return what it says.

        Raises:
            GitError: When it fails.
        """
        code, out, err = self.finish(given)
        if code:
            raise GitError(f"`git {' '.join(self.args)}` failed: {err or f'exit code {code}'}")
        return out


class Git:
    """A repository, seen from a workspace in it. Made by :meth:`open`.

    Attributes:
        root: The workspace.
        toplevel: The work tree's root.
        prefix: Where the workspace lies in it: "" or for instance ``backend/``.
        head: The commit that is checked out; None in a repository without one.
        head_tree: The id of that commit's whole tree.
        algorithm: ``sha1`` or ``sha256``.
    """

    def __init__(self, root: Path, *, prefix: str, algorithm: str, shallow: bool, head: tuple[str, str] | None) -> None:
        self.root = root
        self.prefix = prefix
        self.toplevel = root.resolve().parents[prefix.count("/") - 1] if prefix else root.resolve()
        self.algorithm = algorithm
        self.head: str | None = head[0] if head else None
        self.head_tree = head[1] if head else EMPTY_TREE[algorithm]
        self._is_shallow = shallow

    @classmethod
    def open(cls, root: Path, opening: Running | None = None) -> Git | None:
        """Return the repository that a folder lies in; None without one: :meth:`why_not` says why.

        Args:
            root: The folder.
            opening: A :func:`start_opening` that runs already.
        """
        opened = _look(root, opening)
        return None if isinstance(opened, str) else opened

    @classmethod
    def why_not(cls, root: Path) -> str:
        """Return a sentence on why :meth:`open` finds nothing; "" where it does."""
        opened = _look(root)
        return opened if isinstance(opened, str) else ""

    def start(self, *args: str, has_input: bool = False) -> Running:
        """Start ``git ARGS`` in the workspace and do not wait."""
        return Running(self.root, args, has_input=has_input)

    def run(self, *args: str, given: bytes | None = None) -> bytes:
        """Return the output of ``git ARGS``, run in the workspace.

        Raises:
            GitError: When it fails.
        """
        return self.start(*args, has_input=given is not None).output(given)

    def ask(self, *args: str) -> str | None:
        """Return the stripped output of ``git ARGS``; None when it fails."""
        code, out, _ = self.start(*args).finish()
        return None if code else os.fsdecode(out).strip()

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a revision means; None where there is none."""
        if revision == "HEAD":
            return self.head
        if not revision or revision.startswith("-"):
            return None
        return self.ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") or None

    def merge_base(self, a: str, b: str) -> str | None:
        """Return the best common ancestor of two revisions; None without one, or when one of them is unknown."""
        if a.startswith("-") or b.startswith("-"):
            return None
        return self.ask("merge-base", a, b) or None

    def is_shallow(self) -> bool:
        """Return whether the history was cut off, as ``git clone --depth`` does."""
        return self._is_shallow

    def tree_id(self, commit: str) -> str:
        """Return the id of the workspace's folder in a commit; of an empty one where it is not there."""
        if commit == self.head and not self.prefix:
            return self.head_tree
        name = f"{commit}:{self.prefix.rstrip('/')}"
        return self.ask("rev-parse", "--verify", "--quiet", name) or EMPTY_TREE[self.algorithm]

    def changes(self, base: str, head: str | None = None) -> list[Change]:
        """Return the files that differ between two revisions, sorted by path.

        Args:
            base: A revision.
            head: A revision; None is the work tree: staged, unstaged and untracked, without what is ignored.

        Raises:
            GitError: When a revision is unknown.
        """
        return [each.change for each in self.differences(base, head)]

    def differences(self, base: str, head: str | None = None, *, started: Started | None = None) -> list[Difference]:
        """Return what :meth:`changes` does, with modes and ids.

        Args:
            base: A revision, or a tree.
            head: A revision, a tree, or None for the work tree.
            started: The same question for the work tree and this base, asked already; each can be used once.
        """
        if head is not None:
            return sorted(_differences(self.run(*_DIFF, base, head, "--")), key=_path_of)
        started = started or start_work(self.root, base)
        try:
            found = {each.after.path: each for each in _differences(started.tracked.output())}
            untracked = _names(started.untracked.output())
        except BaseException:
            started.stop()
            raise
        for path in untracked:
            known = found.get(path)
            mode = SUBMODULE if path.endswith("/") else ""
            path = path.rstrip("/")
            before = known.before if known else Entry(path, "", "")
            found[path] = Difference(before, Entry(path, mode or _mode(self.root / path), ""))
        return [self._seen(found[path]) for path in sorted(found)]

    def _seen(self, each: Difference) -> Difference:
        """Return a difference with what is really there: a merge could not agree on it, a submodule may be dirty."""
        path, mode, _ = each.after
        if mode == _UNMERGED:
            return Difference(each.before, Entry(path, _mode(self.root / path), ""))
        return Difference(each.before, Entry(path, mode, "")) if mode == SUBMODULE else each

    def entries(self, commit: str) -> list[Entry]:
        """Return the files of a commit, or of a tree that stands for the whole repository."""
        if commit == EMPTY_TREE[self.algorithm]:
            return []
        name = f"{commit}:{self.prefix.rstrip('/')}" if self.prefix else commit
        code, out, err = self.start("ls-tree", "-r", "-z", "--full-tree", name).finish()
        if code and self.prefix and self.resolve(commit):
            return []  # the workspace's folder is younger than the commit
        if code:
            raise GitError(f"The files of {commit} cannot be listed: {err}")
        rows = (row.partition("\t") for row in os.fsdecode(out).split("\0") if row)
        return [Entry(path, meta[:6], meta[12:] if meta[7:11] == "blob" else meta[14:]) for meta, _, path in rows]

    def index(self) -> list[Entry]:
        """Return the files of the index: once each, also where a merge left several versions of one."""
        rows = (row.partition("\t") for row in _names(self.run("ls-files", "-s", "-z")))
        return [Entry(path, meta[:6], meta[7:-2]) for meta, _, path in rows if meta[-1] in "02"]

    def blobs(self, ids: Iterable[str], *, limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        """Yield each blob with its content; None for one that is missing, no blob, or larger than the limit.

        Args:
            ids: Blob ids.
            limit_bytes: What is larger is passed over, never held in memory.

        Raises:
            GitError: When git ends before the last one, or takes longer than :data:`DEADLINE_S`.
        """
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return
        running = self.start("cat-file", "--batch", has_input=True)
        with running.conversation("\n".join([*wanted, ""]).encode("ascii")) as answers:
            for each in wanted:
                yield each, _answer(answers, limit_bytes)

    def hash_files(self, paths: Sequence[str]) -> dict[str, str]:
        """Return the blob ids that files of the work tree would get, line endings and filters applied as git does.

        Args:
            paths: Ordinary files; one that cannot be read is left out.
        """
        given = b"".join(_quoted(os.fsencode(path)) + b"\n" for path in paths)
        code, out, _ = self.start("hash-object", "--stdin-paths", has_input=True).finish(given)
        ids = out.decode("ascii").split()
        if not code and len(ids) == len(paths):
            return dict(zip(paths, ids, strict=True))
        if len(paths) == 1:
            return {}
        middle = len(paths) // 2  # one of them is gone or unreadable: git stops there
        return self.hash_files(paths[:middle]) | self.hash_files(paths[middle:])

    def is_ignored(self) -> bool:
        """Return whether the repository ignores the whole workspace."""
        return self.start("check-ignore", "--quiet", "--", ".").finish()[0] == 0

    @cached_property
    def common_folder(self) -> Path:
        """The repository's own folder, which its worktrees share."""
        return (self.root / os.fsdecode(self.run("rev-parse", "--git-common-dir")).rstrip("\n")).resolve()


_DIFF = (
    "-c", "diff.autoRefreshIndex=true", "diff",
    "--raw", "-z", "--no-abbrev", "--no-renames", "--relative", "--no-ext-diff", "--ignore-submodules=none",
)  # fmt: skip
_OPEN = (
    "rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-object-format",
    "--show-prefix", "HEAD^{commit}", "HEAD^{tree}",
)  # fmt: skip


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    return kept | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def start_opening(root: Path) -> Running:
    """Begin to look for the repository of a folder."""
    return Running(root, _OPEN)


class Started(NamedTuple):
    """Git at work on what differs between the work tree and a commit."""

    tracked: Running
    untracked: Running

    def stop(self) -> None:
        """End it; nobody wants to know."""
        self.tracked.stop()
        self.untracked.stop()


def start_work(root: Path, base: str = "HEAD") -> Started:
    """Begin to look for what differs; files that are neither tracked nor ignored take longest, so they come first."""
    others = Running(root, ("ls-files", "-z", "--others", "--exclude-standard", *(f"-x{name}/" for name in SKIPPED)))
    return Started(Running(root, (*_DIFF, base, "--")), others)


def _path_of(each: Difference) -> str:
    return each.after.path


def _look(root: Path, opening: Running | None = None) -> Git | str:
    """Return the repository of a folder, or why there is none."""
    try:
        _, out, err = (opening or start_opening(root)).finish()
    except GitError as error:
        return error.detail
    lines = os.fsdecode(out).split("\n")
    if len(lines) < 4:
        reason = err.partition("\n")[0].removeprefix("fatal: ") or "it does not say why"
        is_plain = reason.startswith("not a git repository")
        return f"{root} is in no git repository." if is_plain else f"Git does not look at {root}: {reason}."
    if lines[0] != "true":
        return f"{root} lies in a git repository that has no files there: a bare one, or its own folder."
    has_commit = len(lines) > 6 and "{" not in lines[-2]
    head = (lines[-3], lines[-2]) if has_commit else None
    prefix = "\n".join(lines[3 : -3 if has_commit else -2])
    return Git(root, prefix=prefix, algorithm=lines[2], shallow=lines[1] == "true", head=head)


def _names(out: bytes) -> list[str]:
    return os.fsdecode(out).split("\0")[:-1]


def _differences(out: bytes) -> Iterator[Difference]:
    """Yield what ``git diff --raw -z`` says: ``:mode mode id id status NUL path NUL``."""
    fields = iter(_names(out))
    for meta, path in zip(fields, fields, strict=False):
        old_mode, new_mode, old_id, new_id, status = meta[1:].split(" ")
        after = Entry(path, _UNMERGED, "") if status == "U" else _entry(path, new_mode, new_id)
        yield Difference(_entry(path, old_mode, old_id), after)


def _entry(path: str, mode: str, known: str) -> Entry:
    return Entry(path, mode if mode.strip("0") else "", known if known.strip("0") else "")


def _mode(path: Path) -> str:
    """Return the mode that git would give a file; "" for one that is gone."""
    import stat

    try:
        found = path.lstat().st_mode
    except OSError:
        return ""
    if stat.S_ISLNK(found):
        return LINK
    if stat.S_ISDIR(found):
        return SUBMODULE
    return "100755" if found & stat.S_IXUSR else "100644"


def _quoted(name: bytes) -> bytes:
    """Return a name as git reads it from a line."""
    if b"\n" not in name and not name.startswith(b'"'):
        return name
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _answer(source: IO[bytes], limit_bytes: int | None) -> bytes | None:
    """Read one answer of ``git cat-file --batch``: ``id type size LF content LF``."""
    header = source.readline().split()
    if not header:
        raise GitError("`git cat-file` ended before it had shown every file.")
    if len(header) != 3:
        return None
    size, is_wanted = int(header[2]), header[1] == b"blob"
    if is_wanted and (limit_bytes is None or size <= limit_bytes):
        content = source.read(size)
        source.read(1)
        return content
    left = size + 1
    while left:
        passed = len(source.read(min(left, _CHUNK_BYTES)))
        if not passed:
            break
        left -= passed
    return None
