"""Zero misses: whatever really changes its behaviour is selected, in random monorepos whose code is really run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from decant.errors import SettingsError
from decant_tools.workspace.affected import affected
from decant_tools.workspace.view import open_view
from tests.integration.workspace.random_graphs import Monorepo, Mutation, monorepos, mutations
from tests.unit.workspace.repository import Repository

if TYPE_CHECKING:
    from decant_tools.workspace.affected import Selection

REPOS = monorepos().flatmap(lambda repo: st.tuples(st.just(repo), mutations(repo), st.booleans()))
BOUNDED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def select(root: Path, base: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Selection:
    monkeypatch.setenv("DECANT_HOME", str(home))
    return affected(open_view(root), base=base)


def is_refused(root: Path, base: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    try:
        select(root, base, home, monkeypatch)
    except SettingsError:
        return True
    return False


def hold(repo: Monorepo, mutation: Mutation, is_committed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a repository, run all of it before and after, and hold what broke against what is selected."""
    with tempfile.TemporaryDirectory() as name:
        root, warm = Path(name, "repo"), Path(name, "warm")
        git = Repository(root)
        git.write(repo.files)
        base = git.commit()
        before = repo.observe(root)
        assert select(root, base, warm, monkeypatch).selected == ()
        mutation.apply(root)
        if is_committed:
            git.commit()
        after = repo.observe(root)
        if mutation.gone and is_refused(root, base, warm, monkeypatch):
            return  # decant.toml names a service that is gone: loud, and no miss
        cached = select(root, base, warm, monkeypatch)
        again = select(root, base, warm, monkeypatch)
        fresh = select(root, base, Path(name, "fresh"), monkeypatch)
        there = set(open_view(root).graph.projects)
    broken = {node for node, values in after.items() if values != before[node] and node in there}
    hosted = {"service:shop"} if any(node.startswith("module:") for node in broken) else set()
    note(f"{mutation.what}; selected: {sorted(cached.ids)}; really changed: {sorted(broken)}")
    assert cached == again == fresh
    assert broken | hosted <= cached.ids


@settings(BOUNDED, max_examples=12)
@given(case=REPOS)
def test_nothing_that_breaks_is_missed(case: tuple[Monorepo, Mutation, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    hold(*case, monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(BOUNDED, max_examples=80)
@given(case=REPOS)
def test_nothing_that_breaks_is_missed_in_many_repositories(
    case: tuple[Monorepo, Mutation, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(*case, monkeypatch)
