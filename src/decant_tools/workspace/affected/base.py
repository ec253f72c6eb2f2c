"""What a change is compared with: as it was told, as the CI says, or the branch that it will be merged into."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from decant.errors import CommandError
from decant_tools.workspace.affected.selection import Fallback

if TYPE_CHECKING:
    from decant_tools.workspace.git import Git

TARGETS: tuple[tuple[str, str, str], ...] = (
    ("GITHUB_BASE_REF", "", ""),  # GitHub, Gitea, Forgejo
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "", ""),  # GitLab
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "", ""),
    ("CHANGE_TARGET", "", ""),  # Jenkins, multibranch
    ("BITBUCKET_PR_DESTINATION_BRANCH", "", ""),
    ("SYSTEM_PULLREQUEST_TARGETBRANCH", "", ""),  # Azure Pipelines
    ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "", ""),
    ("CODEBUILD_WEBHOOK_BASE_REF", "", ""),  # AWS CodeBuild
    ("TRAVIS_BRANCH", "TRAVIS_PULL_REQUEST", "false"),
    ("DRONE_TARGET_BRANCH", "DRONE_PULL_REQUEST", ""),
    ("CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_PULL_REQUEST", ""),  # Woodpecker
    ("APPVEYOR_REPO_BRANCH", "APPVEYOR_PULL_REQUEST_NUMBER", ""),
    ("SEMAPHORE_GIT_BRANCH", "SEMAPHORE_GIT_PR_NUMBER", ""),
)
"""Variables that name the branch that a change will be merged into; the second one, where there is one, is set to
something else than the third for a change that will be merged."""

BEFORE = ("GIT_PREVIOUS_SUCCESSFUL_COMMIT", "CI_COMMIT_BEFORE_SHA", "DRONE_COMMIT_BEFORE", "CI_PREV_COMMIT_SHA")
"""Variables that name the commit that a push began at."""

BRANCHES = ("main", "master")
RELEASES = ("v[0-9]*.[0-9]*.[0-9]*", "*-v[0-9]*.[0-9]*.[0-9]*")
DEEPEN = "Fetch the history: `fetch-depth: 0` on GitHub, `GIT_DEPTH: 0` on GitLab, `git fetch --unshallow` by hand."


class Base(NamedTuple):
    """What is compared with.

    Attributes:
        commit: The commit, or None for nothing.
        why: Which one that is and why, in words, for a person.
        fallback: Set when nothing can be compared: everything counts as changed.
    """

    commit: str | None
    why: str
    fallback: Fallback | None = None


class _Candidate(NamedTuple):
    """A revision that may be the base: its name, where the name comes from, and the branch that it stands for."""

    name: str
    source: str
    branch: str = ""


def find_base(git: Git, head: str, explicit: str | None, configured: str, env: Mapping[str, str]) -> Base:
    """Return what to compare a commit and the files on disk with.

    Args:
        git: The repository.
        head: The commit that is judged.
        explicit: What ``--base`` says, or None.
        configured: What ``[affected] base`` says, or "".
        env: The environment, which tells the CI's target branch.

    Raises:
        CommandError: Exit code 2, for a revision that was named and does not exist.
    """
    if explicit:
        return _named(git, head, explicit)
    if targets := ci_targets(env):
        return _of_ci(git, head, targets)
    refs = _Refs(git, configured)
    candidate = refs.first()
    if candidate is None:
        return _missing(git, "no branch to compare with", _unknown(configured))
    tip = refs.commit(candidate.name)
    commit = head if tip == head else git.merge_base(tip, head)
    if commit is None:
        return _unrelated(git, candidate.name)
    is_same = head == git.head and refs.current == candidate.branch
    if is_same or (commit == head and (env.get("CI") or refs.is_detached())):
        return _of_release(git, head, candidate, commit, env)
    return Base(commit, f"{candidate.name} at {commit[:9]} ({candidate.source})")


def ci_targets(env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables of the CI that name what a change will be merged into, and their values."""
    return [
        (variable, value.removeprefix("refs/heads/"))
        for variable, condition, absent in TARGETS
        if (value := env.get(variable, "")) and (not condition or env.get(condition, absent) not in {absent, ""})
    ]


def _named(git: Git, head: str, name: str) -> Base:
    commit = git.resolve(name)
    if commit is None:
        if git.is_shallow() or re.fullmatch("0+", name):
            return _missing(git, f"the base {name} is not in this clone", "")
        raise CommandError(f"There is no revision {name!r} to compare with.", hint=near(git, name), exit_code=2)
    found = git.merge_base(commit, head)
    return Base(found, f"{name} at {found[:9]} (--base)") if found else _unrelated(git, name)


def near(git: Git, name: str) -> str:
    """Return which branches and tags there are, the one that was probably meant first."""
    from decant.settings.suggest import suggest

    refs = git.run("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    return suggest(name, refs.decode("utf-8", "replace").split())


def _of_ci(git: Git, head: str, targets: list[tuple[str, str]]) -> Base:
    """Return the first of the CI's revisions that this clone has."""
    for variable, value in targets:
        for name in (f"origin/{value}", value):
            commit = git.resolve(name)
            if commit is not None:
                found = git.merge_base(commit, head)
                return Base(found, f"{name} at {found[:9]} ({variable})") if found else _unrelated(git, name)
    variable, value = targets[0]
    return _missing(git, f"{variable} is {value}, and this clone has neither origin/{value} nor {value}", "")


def _of_release(git: Git, head: str, candidate: _Candidate, merge_base: str, env: Mapping[str, str]) -> Base:
    """Return the last release, else where the push began, else the commit before."""
    told = f"HEAD is on {candidate.branch or candidate.name} itself"
    match = [option for pattern in RELEASES for option in ("--match", pattern)]
    if tag := git.ask("describe", "--tags", "--abbrev=0", *match, f"{head}^"):
        commit = git.resolve(f"refs/tags/{tag}")
        return Base(commit, f"the release {tag} ({told})")
    if merge_base != head:
        return Base(merge_base, f"{candidate.name} at {merge_base[:9]} ({candidate.source})")
    for variable, before in _pushed(env):
        commit = git.resolve(before)
        if commit and commit != head and git.merge_base(commit, head) == commit:
            return Base(commit, f"{commit[:9]}, where the push began ({variable})")
    commit = git.resolve(f"{head}~1")
    if commit:
        return Base(commit, f"HEAD~1 at {commit[:9]} ({told}, and there is no release tag)")
    return _missing(git, f"{told}, and it has no commit before it", "Name one by --base, or set `[affected] base`.")


def _pushed(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for variable in BEFORE:
        value = env.get(variable, "")
        if value.strip("0"):
            yield variable, value
    path = env.get("GITHUB_EVENT_PATH")
    if path:
        import json

        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path less to build on every call
                value = json.load(file).get("before")
        except (OSError, ValueError, AttributeError):
            return
        if isinstance(value, str) and value.strip("0"):
            yield "the event of GitHub", value


class _Refs:
    """The branches that may be the base, read by one call of git.

    Attributes:
        current: The branch that is checked out, if it is one of them.
    """

    def __init__(self, git: Git, configured: str) -> None:
        self._git = git
        self._configured = configured
        names = [name for name in (configured, *BRANCHES) if name and not name.startswith("-")]
        wanted = [f"refs/{kind}/{name}" for name in names for kind in ("heads", "remotes/origin", "remotes")]
        form = "--format=%(HEAD)%00%(refname)%00%(objectname)%00%(symref)"
        out = git.run("for-each-ref", form, "refs/remotes/origin/HEAD", *wanted).decode("utf-8", "surrogateescape")
        rows = [line.split("\0") for line in out.splitlines()]
        self._commits = {name: commit for _, name, commit, _ in rows}
        self._default = next((symref for _, name, _, symref in rows if name == "refs/remotes/origin/HEAD"), "")
        starred = next((name for star, name, _, _ in rows if star == "*"), None)
        self.current = starred.removeprefix("refs/heads/") if starred else None

    def first(self) -> _Candidate | None:
        """Return the first candidate that exists."""
        return next((candidate for candidate in self._candidates() if self.commit(candidate.name)), None)

    def commit(self, name: str) -> str:
        """Return the commit of a revision, or ""."""
        for full in (f"refs/remotes/{name}", f"refs/heads/{name}"):
            if full in self._commits:
                return self._commits[full]
        return (self._git.resolve(name) or "") if name == self._configured else ""

    def is_detached(self) -> bool:
        """Return whether no branch is checked out."""
        return self.current is None and self._git.ask("symbolic-ref", "--quiet", "HEAD") is None

    def _candidates(self) -> Iterator[_Candidate]:
        if self._configured:
            bare = self._configured.removeprefix("origin/")
            yield _Candidate(self._configured, "[affected] base", bare)
            return
        if self._default:
            name = self._default.removeprefix("refs/remotes/")
            yield _Candidate("origin/HEAD", f"origin/HEAD, which is {name}", name.removeprefix("origin/"))
        for branch in BRANCHES:
            yield _Candidate(f"origin/{branch}", "the default branch", branch)
            yield _Candidate(branch, "the default branch", branch)


def _unknown(configured: str) -> str:
    if configured:
        return f"`[affected] base` in decant.toml is {configured}, which this clone does not have."
    return "There is no origin/HEAD, main or master. Name the base by --base, or set `[affected] base`."


def _missing(git: Git, reason: str, hint: str) -> Base:
    if git.is_shallow():
        return _everything("shallow-clone", f"{reason}: the clone is shallow. {DEEPEN}")
    return _everything("no-base", f"{reason}. {hint}".rstrip(". ") + ".")


def _unrelated(git: Git, name: str) -> Base:
    if git.is_shallow():
        return _everything(
            "shallow-clone", f"no common ancestor with {name} is in this clone, which is shallow. {DEEPEN}"
        )
    return _everything("no-merge-base", f"HEAD and {name} have no common ancestor.")


def _everything(code: str, reason: str) -> Base:
    return Base(None, "", Fallback(code, reason[0].upper() + reason[1:]))
