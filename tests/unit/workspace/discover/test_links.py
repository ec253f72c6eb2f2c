"""Symbolic links and submodules, in real repositories."""

from __future__ import annotations

from pathlib import Path

from decant_tools.workspace.discover import Discovery, discover
from decant_tools.workspace.git import Git
from decant_tools.workspace.tree import CommitTree
from tests.unit.workspace.discover.trees import ids
from tests.unit.workspace.repository import Repository


def found_in(repository: Repository, folder: str = "") -> Discovery:
    commit = repository.commit()
    git = Git.open(repository.root / folder)
    assert git is not None
    return discover(CommitTree(git, commit), is_strict=True)


def test_a_linked_service_lies_where_the_link_leads(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.write({"old/thing/app.py": "", "libs/common/x.py": "", "services/users/app.py": ""})
    (tmp_path / "services" / "orders").symlink_to("../old/thing")
    (tmp_path / "services" / "users" / "common").symlink_to("../../libs/common")
    assert ids(found_in(repository)) == {
        "lib:common": "libs/common",
        "service:orders": "old/thing",
        "service:users": "services/users",
    }


def test_links_that_lead_nowhere_or_upwards_are_nothing(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.write({"services/users/app.py": ""})
    for name, to in (("gone", "../missing"), ("out", "/etc"), ("up", ".."), ("round", "../services"), ("self", "self")):
        (tmp_path / "services" / name).symlink_to(to)
    assert ids(found_in(repository)) == {"service:users": "services/users"}


def test_two_links_to_one_folder_are_one_project(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.write({"services/users/app.py": ""})
    (tmp_path / "services" / "members").symlink_to("users")
    assert list(ids(found_in(repository)).values()) == ["services/users"]


def test_a_submodule_among_services_or_libs_is_a_project(tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.write({"app.py": ""})
    other.commit()
    repository = Repository(tmp_path / "mono")
    repository.write({"services/users/app.py": ""})
    repository.git("submodule", "add", "-q", str(other.root), "services/orders")
    repository.git("submodule", "add", "-q", str(other.root), "libs/shared")
    assert ids(found_in(repository)) == {
        "lib:shared": "libs/shared",
        "service:orders": "services/orders",
        "service:users": "services/users",
    }


def test_a_workspace_in_a_folder_of_the_repository_knows_only_that_folder(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.write({"mono/services/users/app.py": "", "services/other/app.py": ""})
    assert ids(found_in(repository, "mono")) == {"service:users": "services/users"}
