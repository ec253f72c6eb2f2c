"""uv workspaces: ``[tool.uv.workspace]`` in the manifest at the root."""

from __future__ import annotations

import pytest

from decant_tools.workspace.discover.manifests import Manifest, is_member
from tests.unit.workspace.discover.trees import codes, found_in, ids

ROOT = '[project]\nname = "root"\n[tool.uv.workspace]\nmembers = ["tools/*", "packages/**", "services/*"]\nexclude = ["tools/old"]'


def test_members_are_libs_unless_they_start_or_build() -> None:
    discovery = found_in(
        "tools/gen/pyproject.toml", "tools/api/pyproject.toml", "tools/api/app.py", "tools/job/pyproject.toml",
        "tools/job/Dockerfile", "tools/old/pyproject.toml", "tools/none/x.py", "packages/a/b/pyproject.toml",
        "services/orders/pyproject.toml", files={"pyproject.toml": ROOT},
    )  # fmt: skip
    assert ids(discovery) == {
        "lib:b": "packages/a/b",
        "lib:gen": "tools/gen",
        "service:api": "tools/api",
        "service:job": "tools/job",
        "service:orders": "services/orders",
    }


def test_a_member_in_packages_that_starts_is_a_service() -> None:
    discovery = found_in("packages/api/pyproject.toml", "packages/api/app.py", files={"pyproject.toml": ROOT})
    assert ids(discovery) == {"service:api": "packages/api"}


def test_a_member_among_libs_is_a_lib() -> None:
    root = '[tool.uv.workspace]\nmembers = ["libs/*"]'
    discovery = found_in("libs/demo/pyproject.toml", "libs/demo/app.py", files={"pyproject.toml": root})
    assert ids(discovery) == {"lib:demo": "libs/demo"}


def test_a_broken_manifest_at_the_root_is_told() -> None:
    assert codes(found_in("services/a/app.py", files={"pyproject.toml": "x"})) == [
        ("broken-manifest", "pyproject.toml:1")
    ]


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("packages/*", "packages/a", True),
        ("packages/*", "packages/a/b", False),
        ("packages/**", "packages/a/b", True),
        ("**/core", "a/b/core", True),
        ("**/core", "core", True),
        ("./libs/x/", "libs/x", True),
        ("libs/[ab]?", "libs/b1", True),
        ("libs/[!a]", "libs/a", False),
        ("libs/x.y", "libs/xzy", False),
        ("services", "services/a", False),
    ],
)
def test_globs_stay_within_a_folder_as_uv_reads_them(glob: str, path: str, expected: bool) -> None:
    assert is_member(path, Manifest(members=(glob,))) is expected
