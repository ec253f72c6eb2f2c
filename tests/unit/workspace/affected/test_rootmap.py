"""What files outside of every project touch."""

from __future__ import annotations

import pytest

from decant_tools.workspace.affected.rootmap import declared, judge
from decant_tools.workspace.discover.config import AffectedTable


@pytest.mark.parametrize(
    "path",
    ["README.md", "README", "CONTRIBUTING.md", "LICENSE", "docs/index.md", "dist/lib-x/x-0.1.0.zip", "mkdocs.yml", ".gitignore", ".vscode/settings.json",
     "CODEOWNERS", ".github/CODEOWNERS", ".github/ISSUE_TEMPLATE/bug.yml", ".github/dependabot.yml", "renovate.json5", "services/README.md"],
)  # fmt: skip
def test_what_nobody_runs_touches_nothing(path: str) -> None:
    assert judge(path).touches == "nothing"


@pytest.mark.parametrize(
    "path",
    ["pyproject.toml", "conftest.py", "Makefile", "tox.ini", "setup.cfg", "ruff.toml", ".python-version", ".github/workflows/ci.yml",
     ".gitlab-ci.yml", "Jenkinsfile", ".pre-commit-config.yaml", "requirements-dev.txt", "uv.lock", "tests/test_all.py", ".env", "Dockerfile",
     "docker-compose.override.yml", ".github/actions/setup/action.yml", "services/conftest.py"],
)  # fmt: skip
def test_what_everything_is_built_or_tested_with_touches_all(path: str) -> None:
    assert judge(path).touches == "all"


@pytest.mark.parametrize("path", ["proto/orders.proto", "scripts/release.py", "templates/welcome.md", "Brewfile"])
def test_of_anything_else_nobody_knows(path: str) -> None:
    assert judge(path).touches == "unknown"


def test_what_is_declared_comes_first_and_all_before_nothing() -> None:
    rules = AffectedTable(all=("proto",), nothing=("pyproject.toml", "proto/*.md", "libs/a/notes"))
    assert declared("proto/a.md", rules) == ("all", "proto", "decant.toml [affected] all")
    assert declared("pyproject.toml", rules) == ("nothing", "pyproject.toml", "decant.toml [affected] nothing")
    assert declared("libs/a/notes/x", rules) is not None
    assert declared("libs/a/x.py", rules) is None
