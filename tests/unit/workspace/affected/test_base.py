"""Which commit a change is compared with, in real repositories."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.affected.base import Base, ci_targets, find_base
from decant_tools.workspace.git import Git
from tests.unit.workspace.repository import Repository

NUMBERS = itertools.count()


class Here(Repository):
    """A repository with a few commits on ``main``, and what would be compared with."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.first, self.second = self.commit(), self.commit()

    def commit(self) -> str:
        """Commit something that no other commit has."""
        self.write({f"file{next(NUMBERS)}.txt": "x"})
        return super().commit()

    def base(self, explicit: str | None = None, configured: str = "", **env: str) -> Base:
        git = Git.open(self.root)
        assert git is not None
        assert git.head is not None
        return find_base(git, git.head, explicit, configured, env)

    def branch(self) -> str:
        self.git("switch", "-q", "-c", "feature")
        return self.commit()

    def clone(self, root: Path, *options: str) -> Here:
        self.git("clone", "-q", *options, f"file://{self.root}", str(root))
        made = Here.__new__(Here)
        made.root = root
        return made


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "here")


def test_a_branch_is_compared_with_where_it_left_main(here: Here) -> None:
    here.branch()
    here.git("switch", "-q", "main")
    here.commit()
    here.git("switch", "-q", "feature")
    found = here.base()
    assert (found.commit, found.fallback) == (here.second, None)
    assert "main at" in found.why


def test_master_is_taken_where_there_is_no_main(here: Here) -> None:
    here.branch()
    here.git("branch", "-m", "main", "master")
    assert here.base().commit == here.second


def test_the_remotes_default_branch_comes_before_a_local_main(here: Here, tmp_path: Path) -> None:
    clone = here.clone(tmp_path / "clone")
    clone.git("branch", "-f", "main", here.first, check=False)
    clone.branch()
    clone.git("branch", "-f", "main", here.first)
    found = clone.base()
    assert found.commit == here.second
    assert "origin/HEAD, which is origin/main" in found.why


def test_a_name_that_was_given_comes_first_and_means_the_common_ancestor(here: Here) -> None:
    here.branch()
    assert here.base(here.first, GITHUB_BASE_REF="main").commit == here.first
    here.git("branch", "other", here.first)
    here.git("switch", "-q", "other")
    other = here.commit()
    here.git("switch", "-q", "feature")
    assert here.base(other).commit == here.first


def test_an_empty_name_is_none(here: Here) -> None:
    here.branch()
    assert here.base("").commit == here.second


@pytest.mark.parametrize("name", ["mian", "--all", "HEAD~99", "feature^{tree}"])
def test_a_name_that_does_not_exist_is_a_usage_error_with_near_names(here: Here, name: str) -> None:
    here.branch()
    with pytest.raises(CommandError, match="no revision") as caught:
        here.base(name)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert name != "mian" or "'main'" in caught.value.hint


def test_the_zeros_that_a_new_branch_was_pushed_from_are_no_usage_error(here: Here) -> None:
    found = here.base("0" * 40)
    assert found.fallback is not None
    assert found.fallback.code == "no-base"


@pytest.mark.parametrize(
    ("env", "value"),
    [
        ({"GITHUB_BASE_REF": "dev"}, "dev"),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": "abc", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "dev"}, "abc"),
        ({"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "dev"}, "dev"),
        ({"CHANGE_TARGET": "dev"}, "dev"),
        ({"BITBUCKET_PR_DESTINATION_BRANCH": "dev"}, "dev"),
        ({"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/dev"}, "dev"),
        ({"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "dev"}, "dev"),
        ({"CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/dev"}, "dev"),
        ({"TRAVIS_BRANCH": "dev", "TRAVIS_PULL_REQUEST": "7"}, "dev"),
        ({"DRONE_TARGET_BRANCH": "dev", "DRONE_PULL_REQUEST": "7"}, "dev"),
    ],
)
def test_each_ci_says_what_a_change_will_be_merged_into(env: dict[str, str], value: str) -> None:
    assert ci_targets(env)[0][1] == value


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"GITHUB_BASE_REF": "", "BUILDKITE_PULL_REQUEST_BASE_BRANCH": ""},
        {"TRAVIS_BRANCH": "dev", "TRAVIS_PULL_REQUEST": "false"},
        {"DRONE_TARGET_BRANCH": "dev"},
    ],
)
def test_a_push_names_no_target(env: dict[str, str]) -> None:
    assert ci_targets(env) == []


def test_the_remotes_branch_comes_before_the_local_one(here: Here, tmp_path: Path) -> None:
    clone = here.clone(tmp_path / "clone")
    clone.branch()
    clone.git("branch", "-f", "main", here.first)
    found = clone.base(GITHUB_BASE_REF="main")
    assert found.commit == here.second
    assert "GITHUB_BASE_REF" in found.why


def test_a_target_that_the_clone_has_not_selects_everything(here: Here) -> None:
    here.branch()
    fallback = here.base(GITHUB_BASE_REF="develop").fallback
    assert fallback is not None
    assert fallback.code == "no-base"
    assert "develop" in fallback.reason


def test_where_a_clone_lacks_the_commit_that_the_ci_names_its_branch_is_taken(here: Here) -> None:
    here.branch()
    found = here.base(CI_MERGE_REQUEST_DIFF_BASE_SHA="ab" * 20, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert found.commit == here.second


def test_what_is_configured_comes_before_what_is_usual(here: Here) -> None:
    here.git("branch", "dev", here.first)
    here.branch()
    assert here.base(configured="dev").commit == here.first
    assert here.base(configured="origin/dev").fallback is not None
    here.git("tag", "start", here.first)
    assert here.base(configured="start").commit == here.first


def test_on_main_itself_the_last_release_counts_but_not_one_of_this_commit(here: Here) -> None:
    here.git("tag", "orders-v1.0.0", here.first)
    here.git("tag", "-a", "-m", "x", "v2.0.0")
    here.git("tag", "nightly")
    found = here.base()
    assert found.commit == here.first
    assert "orders-v1.0.0" in found.why
    here.commit()
    assert here.base().commit == here.second


def test_on_main_itself_without_a_release_it_is_the_commit_before(here: Here) -> None:
    assert here.base().commit == here.first
    assert here.base(CI="true").commit == here.first


def test_where_a_push_began_comes_before_the_commit_before(here: Here, tmp_path: Path) -> None:
    here.commit()
    third = here.commit()
    assert here.base(CI_COMMIT_BEFORE_SHA=here.second).commit == here.second
    assert here.base(GIT_PREVIOUS_SUCCESSFUL_COMMIT=here.first).commit == here.first
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"before": here.second}))
    assert here.base(GITHUB_EVENT_PATH=str(event)).commit == here.second
    event.write_text("{")
    before = here.base(GITHUB_EVENT_PATH=str(event), CI_COMMIT_BEFORE_SHA="0" * 40).commit
    assert before not in {here.second, third, None}


def test_commits_on_main_that_were_not_pushed_are_all_compared(here: Here, tmp_path: Path) -> None:
    clone = here.clone(tmp_path / "clone")
    clone.commit()
    clone.commit()
    assert clone.base().commit == here.second


def test_a_detached_head_on_main_is_on_main(here: Here) -> None:
    here.git("checkout", "-q", "--detach")
    assert here.base().commit == here.first


def test_a_fresh_branch_has_nothing_but_what_is_not_committed(here: Here) -> None:
    here.git("switch", "-q", "-c", "feature")
    assert here.base().commit == here.second
    assert here.base(CI="true").commit == here.first


def test_a_first_commit_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    root = Repository(tmp_path)
    root.commit()
    made = Here.__new__(Here)
    made.root = tmp_path
    fallback = made.base().fallback
    assert fallback is not None
    assert fallback.code == "no-base"


def test_a_repository_without_a_usual_branch_says_how_to_name_one(here: Here) -> None:
    here.git("branch", "-m", "main", "trunk")
    fallback = here.base().fallback
    assert fallback is not None
    assert fallback.code == "no-base"
    assert "--base" in fallback.reason


@pytest.mark.parametrize(
    ("explicit", "env"), [(None, {}), (None, {"GITHUB_BASE_REF": "develop"}), ("HEAD~1", {}), ("v1.0.0", {})]
)
def test_a_shallow_clone_is_told_how_to_deepen(
    here: Here, tmp_path: Path, explicit: str | None, env: dict[str, str]
) -> None:
    clone = here.clone(tmp_path / "clone", "--depth", "1")
    fallback = clone.base(explicit, **env).fallback
    assert fallback is not None
    assert fallback.code == "shallow-clone"
    assert "fetch-depth" in fallback.reason


def test_a_shallow_clone_that_has_the_base_is_as_good_as_any(here: Here, tmp_path: Path) -> None:
    here.commit()
    clone = here.clone(tmp_path / "clone", "--depth", "2")
    assert clone.base().commit == here.second
    assert clone.base("HEAD~1").commit == here.second


def test_histories_that_have_nothing_in_common(here: Here) -> None:
    here.git("switch", "-q", "--orphan", "other")
    here.commit()
    for found in (here.base(), here.base("main"), here.base(GITHUB_BASE_REF="main")):
        assert found.fallback is not None
        assert found.fallback.code == "no-merge-base"
