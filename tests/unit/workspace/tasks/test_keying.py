from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant_tools.workspace.discover.config import Config, TaskTable
from decant_tools.workspace.tasks.keying import Keying, Machine, installed_packages
from decant_tools.workspace.tasks.model import TaskId
from decant_tools.workspace.tasks.order import make_plan
from tests.unit.workspace.tasks.workspaces import CONFIG, FILES, definitions_of, inputs_of

MACHINE = Machine({"PATH": "/usr/bin"}, "cpython 3.11.7", "linux x86_64")
TESTED = [
    TaskId(project, "test") for project in ("service:orders", "service:users", "lib:common", "lib:db", "module:cart")
]
USED = {
    "service:orders": ("services/orders/", "libs/common/", "libs/db/", "proto/", "pyproject.toml", "tests/helpers.py"),
    "service:users": ("services/users/", "schemas/", "pyproject.toml", "tests/helpers.py"),
    "lib:common": ("libs/common/", "libs/db/", "pyproject.toml", "tests/helpers.py"),
    "lib:db": ("libs/db/", "pyproject.toml", "tests/helpers.py"),
    "module:cart": (
        "shop/cart/", "shop/stock/api.py", "shop/stock/__init__.py", "pyproject.toml", "tests/helpers.py",
        "decant.toml",
    ),
}  # fmt: skip
"""What each project's tests depend on, written down by hand."""


def keys(files: Mapping[str, str], config: Config = CONFIG, machine: Machine = MACHINE) -> dict[str, str]:
    plan = make_plan(TESTED, definitions_of(files, config).define)
    found = Keying(inputs_of(files, config), machine).keys(plan)
    return {str(task_id.project): key.digest for task_id, key in found.items()}


places = st.sampled_from([
    *FILES, "services/orders/new.py", "services/users/data/x.json", "libs/db/new/deep.py", "shop/stock/new.py", "schemas/x.json",
    "NEWS.md", "docs/x.rst", "docs/y/z.md", "services/orders/__pycache__/app.pyc", "dist/lib-db/x.whl",
])  # fmt: skip


@given(places, st.sampled_from(["changed", "deleted"]))
def test_a_key_changes_exactly_when_something_that_the_task_depends_on_does(path: str, change: str) -> None:
    if change == "deleted" and path not in FILES:
        return
    after = {name: content for name, content in FILES.items() if name != path}
    if change == "changed":
        after[path] = FILES.get(path, "") + "# changed"
    before_keys, after_keys = keys(FILES), keys(after)
    is_made = "__pycache__" in path
    for project, starts in USED.items():
        is_used = path.startswith(starts) and not is_made
        assert (before_keys[project] != after_keys[project]) == is_used, (project, path)


def test_a_file_that_is_moved_within_a_project_changes_its_key() -> None:
    moved = {path.replace("libs/db/__init__", "libs/db/other"): content for path, content in FILES.items()}
    assert keys(moved)["lib:db"] != keys(FILES)["lib:db"]


@pytest.mark.parametrize(
    "machine",
    [
        replace(MACHINE, python="cpython 3.12.1"),
        replace(MACHINE, platform="linux aarch64"),
        replace(MACHINE, environ={"PYTEST_ADDOPTS": "-x"}),
        replace(MACHINE, environ={"ORDERS_DATABASE_URL": "sqlite://"}),
        replace(MACHINE, is_relaxed=True),
    ],
)
def test_another_machine_has_other_keys(machine: Machine) -> None:
    assert keys(FILES, machine=machine)["service:orders"] != keys(FILES)["service:orders"]


def test_variables_that_are_not_declared_do_not_count() -> None:
    assert keys(FILES, machine=replace(MACHINE, environ={"PATH": "/bin", "HOME": "/x"})) == keys(FILES)


@pytest.mark.parametrize(
    "table",
    [
        TaskTable(command="pytest -x"),
        TaskTable(inputs=("*.py",)),
        TaskTable(outputs=("report.xml",)),
        TaskTable(env=("TOKEN",)),
        TaskTable(needs=("lint",)),
    ],
)
def test_what_decant_toml_says_about_a_task_is_part_of_its_key(table: TaskTable) -> None:
    config = CONFIG._replace(project_tasks={"service:orders": {"test": table}})
    changed = {project for project, key in keys(FILES, config).items() if key != keys(FILES)[project]}
    assert changed == {"service:orders"}


def test_inputs_narrow_the_own_files_but_not_manifests_and_not_what_it_depends_on() -> None:
    config = CONFIG._replace(tasks={"test": TaskTable(inputs=("**/*.py", "!docs"))})

    def is_seen(path: str) -> bool:
        return keys({**FILES, path: "changed"}, config)["service:orders"] != keys(FILES, config)["service:orders"]

    assert not is_seen("services/orders/docs/index.md")
    assert is_seen("services/orders/app.py")
    assert is_seen("services/orders/requirements.txt")
    assert is_seen("libs/db/data.json")


def test_what_a_needed_task_makes_is_no_input_of_its_own_but_what_made_it_is() -> None:
    tables = {"gen": TaskTable(command="gen", outputs=("made/**",)), "test": TaskTable(needs=("gen",))}
    config = CONFIG._replace(project_tasks={"lib:db": tables})

    def key(files: Mapping[str, str]) -> str:
        return keys(files, config)["lib:db"]

    assert key({**FILES, "libs/db/made/x.py": "1"}) == key(FILES)
    assert key({**FILES, "libs/db/schema.sql": "1"}) != key(FILES)


def test_a_task_that_needs_another_has_its_key_in_its_own() -> None:
    def with_command(command: str) -> Config:
        gen = {"gen": TaskTable(command=command), "test": TaskTable(needs=("gen",))}
        return CONFIG._replace(project_tasks={"lib:db": gen})

    assert keys(FILES, with_command("gen a"))["lib:db"] != keys(FILES, with_command("gen b"))["lib:db"]


def test_no_part_of_a_key_is_an_absolute_path() -> None:
    plan = make_plan(TESTED, definitions_of(FILES).define)
    for key in Keying(inputs_of(FILES), MACHINE).keys(plan).values():
        assert not any("/usr" in value or "/home" in value or "/work" in value for value in key.parts.values())


def test_what_runs_in_this_installation_depends_on_what_is_installed(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    (folder / "flask-3.1.3.dist-info").mkdir(parents=True)
    before = installed_packages([str(folder), "/no/such/site-packages"])
    (folder / "flask-3.1.3.dist-info").rename(folder / "flask-3.2.0.dist-info")
    after = installed_packages([str(folder)])
    old, new = (keys(FILES, machine=replace(MACHINE, installed=digest)) for digest in (before, after))
    assert {project for project in USED if old[project] != new[project]} == {"module:cart"}
