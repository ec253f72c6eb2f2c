"""What the workspace tool reads in a tree is what the toolkit reads on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decant.errors import SettingsError
from decant.topology import load_workspace
from decant_tools.workspace.discover import discover
from decant_tools.workspace.tree import FolderTree, MemoryTree
from tests.support.workspace import HEAD, MODULES, write_workspace

TOPOLOGIES = [
    "",
    'topology = "services"',
    '[topologies.monolith]\nall = ["*"]',
    'topology = "peak"\n[topologies.peak]\nfront = ["catalog", "auth"]\n"*" = "each"\n[topologies.other]\nx = ["*"]',
    '[topologies.monolith]\none = ["auth"]\nrest = ["*"]\n[services.rest]\nreplicas = 2\n[services.old]\nurl = "http://h"',
    'exclude = ["cart"]\n[topologies.services]\n"*" = "each"',
]


@pytest.mark.parametrize("toml", TOPOLOGIES)
def test_a_topology_means_the_same(tmp_path: Path, toml: str) -> None:
    write_workspace(tmp_path, f"{HEAD}{toml}\n")
    for chosen in (None, *load_workspace(tmp_path, environ={}).topologies):
        assert_same(tmp_path, chosen)


def test_a_topology_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_workspace(tmp_path)
    with pytest.raises(SettingsError, match=r"topology: there is no topology .* Did you mean 'services'\?"):
        discover(FolderTree(tmp_path), topology="servics", is_strict=True)


def test_a_workspace_may_have_its_package_in_src_and_its_name_from_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "my shop"
    (root / "src" / "my_shop" / "cart").mkdir(parents=True)
    (root / "src" / "my_shop" / "cart" / "__init__.py").touch()
    (root / "decant.toml").touch()
    assert_same(root)
    found = discover(FolderTree(root), folder=root.name)
    assert (found.package, found.package_path, found.modules) == ("my_shop", "src/my_shop", ("cart",))
    (module,) = [project for project in found.projects if project.kind == "module"]
    assert (module.path, module.roots) == ("src/my_shop/cart", ("src",))
    assert module.packages == (("my_shop.cart", "src/my_shop/cart"),)


@pytest.mark.parametrize("example", ["store", "bookclub", "legacy"])
def test_the_examples_mean_the_same(example: str) -> None:
    root = Path(__file__).parents[4] / "examples" / example
    for topology in load_workspace(root, environ={}).topologies:
        assert_same(root, topology)


names = st.sampled_from([*MODULES, "*", "x", "front"])
lines = st.one_of(
    st.builds(lambda name, members: f'"{name}" = {members}', names, st.lists(names, max_size=3)),
    st.just('"*" = "each"'),
    st.builds(lambda name: f"[topologies.{name}]", st.sampled_from(["monolith", "peak"])),
    st.builds(lambda name: f"[services.{name}]", st.sampled_from([*MODULES, "front"])),
    st.sampled_from(["[libs.x]", "[tasks.t]", 'command = "x"', 'needs = ["cart"]', "[affected]", "[modules.cart]"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(text=st.lists(lines, max_size=8).map("\n".join))
def test_what_the_toolkit_refuses_is_refused_here_too(tmp_path: Path, text: str) -> None:
    write_workspace(tmp_path, f"{HEAD}[topologies.first]\n{text}\n")
    try:
        workspace = load_workspace(tmp_path, environ={})
    except SettingsError:
        with pytest.raises(SettingsError):
            discover(FolderTree(tmp_path), folder=tmp_path.name, is_strict=True)
        return
    found = discover(FolderTree(tmp_path), folder=tmp_path.name)
    assert hosts(found) == {spec.name: spec.modules for spec in workspace.services() if not spec.foreign}


@settings(deadline=None, max_examples=150)
@given(
    content=st.one_of(st.binary(max_size=120), st.lists(lines, max_size=10).map(lambda text: "\n".join(text).encode()))
)
def test_an_old_commit_is_always_read(content: bytes) -> None:
    tree = MemoryTree({"decant.toml": content, "services/a/app.py": "", "shop/cart/__init__.py": ""})
    found = discover(tree, topology="peak", folder="shop")
    assert "service:a" in {project.id for project in found.projects}
    assert len({project.id for project in found.projects}) == len(found.projects)


def assert_same(root: Path, topology: str | None = None) -> None:
    workspace = load_workspace(root, environ={}, topology=topology)
    found = discover(FolderTree(root), folder=root.name, topology=topology, is_strict=True)
    path = "" if workspace.package_path is None else workspace.package_path.relative_to(root).as_posix()
    assert (found.package, found.package_path, found.modules) == (workspace.package, path, workspace.modules)
    assert (found.config.name, found.config.topology) == (workspace.name, workspace.topology)
    assert hosts(found) == {spec.name: spec.modules for spec in workspace.services() if not spec.foreign}


def hosts(found: object) -> dict[str, tuple[str, ...]]:
    projects = getattr(found, "projects", ())
    return {project.name: project.modules for project in projects if project.kind == "service" and project.modules}
