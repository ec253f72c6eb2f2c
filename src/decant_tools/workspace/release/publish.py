"""Carries out a release: one commit and its tags, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decant.errors import CommandError
from decant_tools.workspace.git import Git, GitError
from decant_tools.workspace.release.conventional import OWN_TYPE
from decant_tools.workspace.release.files import section_of, written

if TYPE_CHECKING:
    from decant_tools.workspace.release.plan import Step
    from decant_tools.workspace.view import View

SHOWN_FILES = 5
NAMED = 8
"""How many projects the first line of a release's commit names."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a release did.

    Attributes:
        commit: The commit that is tagged: a new one, or the current one when no file had to change.
        is_new: Whether the commit was made.
        tags: The tags that were made.
        files: The files that changed.
    """

    commit: str
    is_new: bool
    tags: tuple[str, ...]
    files: tuple[str, ...]


def open_for_versions(view: View) -> Git:
    """Return the repository that versions are read from.

    Raises:
        CommandError: Exit code 6, when there is none, it has no commit, or its history was cut off.
    """
    git = view.git
    if git is None:
        check_readable(view.root)
        why = Git.why_not(view.root) or f"{view.root} is in no git repository."
        raise CommandError(f"Versions are tags of git. {why}", hint="Run `git init`, and commit.", exit_code=6)
    if git.head is None:
        raise CommandError("There is no commit yet to give a version to.", hint="Commit first.", exit_code=6)
    check_depth(git)
    return git


def unreadable(root: Path) -> str:
    """Return why the repository that is there cannot be read, in a sentence; "" where there is none, or it can be."""
    is_there = any((folder / ".git").exists() for folder in (root, *root.parents))
    return Git.why_not(root) if is_there else ""


def check_readable(root: Path) -> None:
    """Refuse to take a repository that cannot be read for one without tags.

    Raises:
        CommandError: Exit code 6, where git is missing, or does not trust the folder.
    """
    if not (why := unreadable(root)):
        return
    top = next(folder for folder in (root, *root.parents) if (folder / ".git").exists())
    hint = "Install git." if "no program" in why else f"`git -C {top} status` says what is wrong."
    if "dubious ownership" in why:
        hint = f"Run `git config --global --add safe.directory {top}`."
    raise CommandError(f"Versions are tags of git. {why}", hint=hint, exit_code=6)


def check_depth(git: Git) -> None:
    """Refuse to look for versions where tags are missing.

    Raises:
        CommandError: Exit code 6, for a shallow clone.
    """
    if git.is_shallow():
        raise CommandError(
            "This is a shallow clone: older commits and tags are missing, so versions would be wrong.",
            hint="Run `git fetch --unshallow --tags`; in CI, check out with the whole history (fetch-depth: 0).",
            exit_code=6,
        )


def check_ready(git: Git) -> None:
    """Refuse to release from a state that could not be found again.

    Raises:
        CommandError: Exit code 6, for a detached head, files that are not committed, or an operation under way.
    """
    if git.ask("symbolic-ref", "--quiet", "HEAD") is None:
        raise CommandError(
            "The head is detached: a commit made here would belong to no branch.",
            hint="Check out a branch, for instance `git switch main`.",
            exit_code=6,
        )
    rows = os.fsdecode(git.run("status", "--porcelain=v1", "-z", "--no-renames")).split("\0")
    dirty = [row[3:] for row in rows if row]
    if dirty:
        more = f" and {len(dirty) - SHOWN_FILES} more" if len(dirty) > SHOWN_FILES else ""
        raise CommandError(
            f"There are changes that are not committed: {', '.join(dirty[:SHOWN_FILES])}{more}.",
            hint="Commit or stash them first; --dry-run shows the plan as it is.",
            exit_code=6,
        )


def check_tags(git: Git, steps: Sequence[Step]) -> None:
    """Refuse tags that exist already, on whichever branch, and names that git does not take.

    Raises:
        CommandError: With all of them.
    """
    known = set(os.fsdecode(git.run("for-each-ref", "--format=%(refname:strip=2)", "refs/tags")).splitlines())
    taken = [step.tag for step in steps if step.tag in known]
    if taken:
        raise CommandError(
            f"These tags exist already, on another branch: {', '.join(taken)}.",
            hint="Merge that branch first, or choose another version with --bump.",
            exit_code=6,
        )
    bad = [step.standing.project.name for step in steps if git.ask("check-ref-format", f"refs/tags/{step.tag}") is None]
    if bad:
        raise CommandError(f"Git takes no tags with these names: {', '.join(bad)}.", hint="Rename them.", exit_code=3)


def publish(view: View, steps: Sequence[Step], *, date: str, with_tags: bool = True) -> Published:
    """Write the changelogs and versions of a plan, commit them, and tag the commit.

    Either all tags are made or none: after a failure the tags are taken back, and before the commit the files, too.

    Args:
        view: The workspace, committed as it is.
        steps: The plan.
        date: Of the changelog's sections: ``2026-11-21``.
        with_tags: Whether to tag.

    Raises:
        CommandError: When git refuses; it says what is left.
    """
    git = open_for_versions(view)
    check_ready(git)
    check_tags(git, steps)
    files = written(view, steps, date)
    if files:
        with _restored(view.root, git, files):
            _write(view.root, files)
            _run(git, "add", "--", *files)
            _run(git, "commit", "--quiet", "-m", message_of(steps))  # all that is staged: hooks may add to it
    commit = git.ask("rev-parse", "--verify", "HEAD") or ""
    tags = _tag(git, steps, commit, date, is_new=bool(files)) if with_tags else ()
    return Published(commit, bool(files), tags, tuple(files))


def message_of(steps: Sequence[Step]) -> str:
    """Return the message of a release's commit; a long list goes into the body.

    Args:
        steps: The plan.
    """
    titles = [step.title for step in steps]
    if len(titles) <= NAMED:
        return f"{OWN_TYPE}: {', '.join(titles)}"
    body = "".join(f"- {title}\n" for title in titles)
    return f"{OWN_TYPE}: {', '.join(titles[:NAMED])} and {len(titles) - NAMED} more\n\n{body}"


def _run(git: Git, *args: str) -> None:
    """Run git; its own words are the message, for a hook or a missing name is what fails here."""
    code, out, err = git.start("--literal-pathspecs", *args).finish()
    if code:
        said = err or os.fsdecode(out).strip() or f"exit code {code}"
        raise GitError(f"`git {args[0]}` failed: {said}")


def _write(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))


@contextmanager
def _restored(root: Path, git: Git, paths: Mapping[str, str]) -> Iterator[None]:
    """Put files back as they were when anything fails, and the index with them."""
    before = {path: (root / path).read_bytes() if (root / path).exists() else None for path in paths}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            if content is None:
                (root / path).unlink(missing_ok=True)
            else:
                (root / path).write_bytes(content)
        git.ask("--literal-pathspecs", "reset", "--quiet", "--", *paths)
        raise


def _tag(git: Git, steps: Sequence[Step], commit: str, date: str, *, is_new: bool) -> tuple[str, ...]:
    made: list[str] = []
    try:
        for step in steps:
            message = f"{step.title}\n\n{section_of(step, date)}"
            _run(git, "tag", "--annotate", "--cleanup=whitespace", "-m", message, step.tag, commit)
            made.append(step.tag)
    except BaseException as error:
        left = [tag for tag in made if git.ask("tag", "--delete", tag) is None]
        kept = f"The commit {commit[:10]} is there" if is_new else "Nothing was committed"
        gone = f"these tags could not be taken back: {', '.join(left)}" if left else "no tag is left"
        if not isinstance(error, CommandError):
            error.add_note(f"{kept}; {gone}.")
            raise
        raise CommandError(
            f"{error.detail} {kept}; {gone}.",
            hint="Run `decant release` again: it goes on where it stopped."
            + (" Or take the commit back with `git reset --keep HEAD~1`." if is_new else ""),
        ) from error
    return tuple(made)
