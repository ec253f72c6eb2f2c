"""The repository of the benchmark: what it says is right is what is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.monorepo.generate import dependencies, dependents, generate, git
from decant_tools.workspace.affected import affected
from decant_tools.workspace.view import open_view


@pytest.mark.parametrize("imports", [False, True])
def test_the_known_answers_of_the_benchmark_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imports: bool
) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    made = generate(tmp_path / "repo", 40, imports=imports)
    for change in (made.leaf, made.hub):
        git(made.root, "checkout", "--quiet", change.branch)
        found = affected(open_view(made.root), base="main")
        assert found.fallback is None
        assert tuple(sorted(each.project.name for each in found.selected)) == change.affected
    assert len(made.leaf.affected) == 2
    assert len(made.hub.affected) > 20
    assert json.loads((made.root / "expected.json").read_text())["leaf"] == list(made.leaf.affected)


def test_the_same_seed_makes_the_same_repository(tmp_path: Path) -> None:
    def trees(name: str) -> list[tuple[str, str]]:
        root = generate(tmp_path / name, 12, imports=True).root
        files = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
        return sorted((str(path.relative_to(root)), path.read_text()) for path in files)

    assert trees("one") == trees("other")


def test_dependents_are_counted_in_any_number_of_steps() -> None:
    assert dependents("a", {"a": [], "b": ["a"], "c": ["b"], "d": []}) == ("a", "b", "c")
    assert [name for name, needed in dependencies(50).items() if "lib00039" in needed] == ["svc00000"]
