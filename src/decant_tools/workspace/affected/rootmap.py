"""What a file outside of every project touches: nothing, everything, or nobody knows."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from decant_tools.workspace.affected.globs import matches

NOTHING = (
    "README*", "*.md", "*.rst", "*.adoc", "LICEN[SC]E*", "COPYING*", "NOTICE*", "AUTHORS*", "CONTRIBUTORS*",
    "CHANGELOG*", "changelogs", "CHANGES*", "CODEOWNERS", "SECURITY*", "docs", "doc", "mkdocs.yml", ".readthedocs.y*ml",
    ".gitignore", ".gitattributes", ".git-blame-ignore-revs", ".mailmap", ".editorconfig", ".vscode", ".idea",
    ".zed", ".fleet", "*.code-workspace", "*.iml", "CITATION.cff", ".github/CODEOWNERS",
    ".github/*.md", ".github/FUNDING.yml", ".github/ISSUE_TEMPLATE", ".github/PULL_REQUEST_TEMPLATE",
    ".github/ISSUE_TEMPLATE*", ".github/PULL_REQUEST_TEMPLATE*", ".github/dependabot.y*ml", ".github/labeler.yml",
    ".github/release.yml", ".gitlab/issue_templates", ".gitlab/merge_request_templates", "renovate.json*", "dist",
    ".renovaterc*", ".DS_Store", "*.sublime-project",
)  # fmt: skip
"""Files at the root that nothing which runs or is tested reads."""

NOTHING_ANYWHERE = (
    "README*",
    "LICEN[SC]E*",
    "CODEOWNERS",
    ".gitignore",
    ".gitattributes",
    ".editorconfig",
    ".DS_Store",
)
"""The same, in any folder that belongs to no project."""

ALL = (
    "pyproject.toml", "setup.py", "setup.cfg", "conftest.py", "tests", "test", "pytest.ini", ".pytest.ini",
    "tox.ini", "noxfile.py", "[Mm]akefile", "GNUmakefile", "*.mk", "justfile", "Justfile", "[Tt]askfile.y*ml",
    "tasks.py", "dodo.py", "ruff.toml", ".ruff.toml", ".flake8", ".pylintrc", "pylintrc", "mypy.ini", ".mypy.ini",
    "pyrightconfig.json", ".isort.cfg", ".coveragerc", ".bandit", ".python-version", ".python-versions",
    ".tool-versions", "mise.toml", ".mise.toml", "runtime.txt", "uv.toml", "poetry.toml", "pip.conf", "pip.ini",
    "Pipfile", "Pipfile.lock", "uv.lock", "poetry.lock", "pdm.lock", "pylock*.toml", "requirements*.txt",
    "requirements*.in", "constraints*.txt", "requirements", "environment.y*ml", "MANIFEST.in",
    ".pre-commit-config.yaml", "Dockerfile*", "*.Dockerfile", "Containerfile*", ".dockerignore",
    "docker-compose*.y*ml", "compose*.y*ml", "docker-bake.*", ".env*", "decant.*.toml", ".gitmodules",
    ".github/workflows", ".github/actions", ".gitlab-ci.yml", ".gitlab", "Jenkinsfile*", ".circleci",
    "azure-pipelines*.y*ml", ".azure-pipelines", "bitbucket-pipelines.yml", ".buildkite", ".drone.y*ml",
    ".travis.yml", ".woodpecker*", "appveyor.yml",
)  # fmt: skip
"""Files at the root, or above several projects, that are part of how those are built, checked or run."""


class Rules(Protocol):
    """What ``[affected]`` of ``decant.toml`` says."""

    @property
    def all(self) -> tuple[str, ...]: ...
    @property
    def nothing(self) -> tuple[str, ...]: ...


class Verdict(NamedTuple):
    """What a file touches.

    Attributes:
        touches: ``nothing``, ``all``, or ``unknown``.
        by: The glob that said so, or "".
        at: Where that glob is written: ``decant.toml [affected]``, or "" for the list that comes with the tool.
    """

    touches: Literal["nothing", "all", "unknown"]
    by: str = ""
    at: str = ""


def declared(path: str, rules: Rules) -> Verdict | None:
    """Return what ``decant.toml`` says of a file, wherever it lies; ``all`` comes before ``nothing``."""
    if glob := matches(path, rules.all):
        return Verdict("all", glob, "decant.toml [affected] all")
    if glob := matches(path, rules.nothing):
        return Verdict("nothing", glob, "decant.toml [affected] nothing")
    return None


def judge(path: str) -> Verdict:
    """Return what a file outside of every project touches unless ``decant.toml`` says otherwise."""
    name = path.rpartition("/")[2]
    if glob := matches(path, NOTHING) or matches(name, NOTHING_ANYWHERE):
        return Verdict("nothing", glob)
    if glob := matches(path, ALL) or matches(name, ALL):
        return Verdict("all", glob)
    return Verdict("unknown")
