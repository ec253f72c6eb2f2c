from __future__ import annotations

import doctest
from collections.abc import Mapping
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.discover.config import Config, TaskTable
from decant_tools.workspace.model import Edge, Graph, Project
from decant_tools.workspace.tasks import definitions, makefiles
from decant_tools.workspace.tasks.linters import configured, lint_command
from decant_tools.workspace.tasks.model import Task, TaskId
from decant_tools.workspace.tasks.order import make_plan
from tests.unit.workspace.tasks.workspaces import CONFIG, FILES, GRAPH, definitions_of

SHARED = ("--rootdir", "../..", "-c", "../../pyproject.toml")


def define(project: str, name: str, files: Mapping[str, str] = FILES, config: Config = CONFIG) -> Task:
    task = definitions_of(files, config).define(TaskId(project, name))
    assert task is not None
    return task


def test_the_examples_of_its_docstrings_are_right() -> None:
    assert doctest.testmod(definitions).failed == 0


def test_tests_of_a_project_run_in_its_folder_with_the_settings_of_the_root() -> None:
    task = define("service:orders", "test")
    assert task.command == ("python", "-m", "pytest", *SHARED, "tests")
    assert task.cwd == "services/orders"
    assert task.notes == {5: "no tests"}
    assert task.is_cached


def test_a_project_with_settings_of_its_own_keeps_them() -> None:
    task = define("service:orders", "test", {**FILES, "services/orders/pytest.ini": ""})
    assert task.command == ("python", "-m", "pytest", "tests")


def test_without_settings_anywhere_the_root_is_still_the_workspace() -> None:
    task = define("service:orders", "test", {**FILES, "pyproject.toml": ""})
    assert task.command == ("python", "-m", "pytest", "--rootdir", "../..", "tests")


def test_tests_beside_the_code_are_found_too() -> None:
    assert define("lib:db", "test", {**FILES, "libs/db/test_db.py": ""}).command[-1] == "."


def test_a_project_without_tests_has_nothing_to_do_and_says_so() -> None:
    task = define("lib:common", "test")
    assert (task.command, task.note, task.is_cached) == ((), "no tests", False)


def test_a_target_of_its_makefile_is_the_task() -> None:
    assert define("service:users", "test").command == ("make", "--no-print-directory", "-C", "services/users", "test")
    assert define("service:users", "lint").command[0] == "black"


def test_a_target_that_calls_this_tool_is_not_called_by_it() -> None:
    files = {**FILES, "services/users/Makefile": "test:\n\tdecant test users\n", "services/users/test_x.py": ""}
    found = definitions_of(files)
    task = found.define(TaskId("service:users", "test"))
    assert task is not None
    assert "pytest" in task.command
    assert found.notes == ["services/users/Makefile: the target test is left alone, for it calls decant itself."]


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("test:\n\tfalse\ndeploy:\n\t@echo use decant build first\n", {"test", "deploy"}),
        ("test:\n\tfalse\ndeploy:\n\tdecant build s\n", {"test"}),
        ("check: test\nlint:\n\tfalse\ntest: all\nall:\n\t@decant test\n", {"lint"}),
        ("check:\n\t$(MAKE) -s all\nall:\n\t-decant test\nlint:\n\t$(MAKE) -C decant\n", {"lint"}),
        ("test: ; decant test\nlint: ; echo decant\n", {"lint"}),
        ("test:\n\tcd ../.. && A=1 decant test \\\n\t  s\n", set()),
        ("test:\n\techo this \\\n\tdecant thing\n", {"test"}),
        ("D := decant\ntest:\n\t$(D) test\nlint:\n\tif true; then ${D} lint; fi\n", set()),
        ("test:\n\tuv run decant test\nlint:\n\t../.venv/bin/decant lint\n", set()),
        ("test:\n\tpython -m pytest decant\nlint:\n\truff check src/decant # decant\n", {"test", "lint"}),
        ("test:\n\tcat decant.toml; echo 'a; decant b'\n", {"test"}),
        ("test:: a\ntest:: b\na:\n\ttrue\nb:\n\tdecant up\n", {"a"}),
        ("test: X = decant\ntest:\n\t# decant test\n\ttrue\n", {"test"}),
    ],
)
def test_each_target_is_judged_by_its_own_recipe_and_those_before_it(text: str, own: set[str]) -> None:
    found = makefiles.targets(text)
    assert {name for name, is_ours in found.items() if not is_ours} == own


def test_a_target_beside_one_that_speaks_of_this_tool_is_run() -> None:
    text = "test:\n\t@echo own; false\ndeploy:\n\t@echo use decant build first\n"
    found = definitions_of({**FILES, "services/users/Makefile": text})
    task = found.define(TaskId("service:users", "test"))
    assert task is not None
    assert (task.command[0], found.notes) == ("make", [])


def test_tests_of_a_module_run_from_the_root() -> None:
    task = define("module:cart", "test")
    assert (task.command, task.cwd) == (("python", "-m", "pytest", "shop/cart/tests"), "")


def test_a_service_of_modules_is_tested_by_its_modules_and_the_workspace() -> None:
    task = define("service:shop", "test")
    assert (task.command, task.note) == ((), "tested by what it needs")
    assert task.needs == (TaskId("module:cart", "test"), TaskId("module:stock", "test"), TaskId("workspace", "test"))
    shared = define("workspace", "test")
    assert shared.command == ("python", "-m", "pytest", "tests")
    assert (shared.sources, shared.host) == (("service:shop",), "service:shop")
    assert set(shared.files) == {"tests/test_shop.py", "tests/helpers.py"}


def test_tests_at_the_root_of_plain_projects_see_all_of_them() -> None:
    graph = Graph([each for each in GRAPH.projects.values() if each.kind != "module" and not each.modules], ())
    config = Config(tasks={"test": TaskTable(command="make x", env=("STAGE",), inputs=("*.py",))})
    found = definitions_of({**FILES, "tests/deep/test_x.py": ""}, config, graph).define(TaskId("workspace", "test"))
    assert found is not None
    assert (found.command, found.cwd, found.host) == (("python", "-m", "pytest", "tests"), "", "")
    assert (found.sources, found.inputs, found.is_here) == (tuple(graph.projects), (), False)
    assert set(found.files) == {"tests/test_shop.py", "tests/helpers.py", "tests/deep/test_x.py"}
    assert "STAGE" in found.env
    assert definitions_of({"tests/helpers.py": ""}, config, graph).define(TaskId("workspace", "test")) is None
    assert definitions_of(FILES, config, graph).define(TaskId("workspace", "lint")) is None


@pytest.mark.parametrize("project", [Project("service", "all", ""), Project("service", "e2e", "tests")])
def test_tests_at_the_root_that_are_a_projects_own_are_not_run_twice(project: Project) -> None:
    found = definitions_of(FILES, Config(), Graph([project], ()))
    assert found.define(TaskId("workspace", "test")) is None
    assert found.define(TaskId(project.id, "test")) is not None


def test_a_workspace_without_tests_of_its_own_has_only_those_of_its_modules() -> None:
    files = {path: content for path, content in FILES.items() if not path.startswith("tests/")}
    plan = make_plan([TaskId("service:shop", "test")], definitions_of(files).define)
    assert [str(each) for each in plan.tasks] == ["module:cart#test", "module:stock#test", "service:shop#test"]


def test_build_waits_for_the_builds_of_what_it_depends_on() -> None:
    task = define("service:orders", "build")
    assert task.needs == (TaskId("lib:common", "build"),)
    assert task.outputs == ("/dist/service-orders/**",)
    assert task.command[0] == definitions.OWN_PYTHON
    assert task.is_cached


@pytest.mark.parametrize(("answer", "is_cached"), [("echo 28.0.1", False), ("exit 1", True)])
def test_a_build_that_makes_an_image_is_left_to_the_engines_own_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_cached: bool
) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    files = {**FILES, "services/orders/Dockerfile": "FROM python:3.12"}
    assert define("service:orders", "build", files).is_cached is is_cached
    assert define("lib:db", "build", {**FILES, "libs/db/Dockerfile": "FROM python:3.12"}).is_cached


def test_a_module_is_built_with_its_service() -> None:
    assert define("module:cart", "build").note == "built with its service"
    assert define("service:shop", "build").command[0] == definitions.OWN_PYTHON


def test_a_module_depends_on_the_module_whose_contract_it_imports() -> None:
    assert define("module:cart", "build").needs == (TaskId("module:stock", "build"),)


def test_projects_that_import_each_other_wait_for_nobody_among_them() -> None:
    projects = [Project("lib", name, f"libs/{name}") for name in ("a", "b", "c")]
    pairs = [("a", "b"), ("b", "a"), ("a", "c")]
    graph = Graph(projects, [Edge(f"lib:{one}", f"lib:{other}", "import", "x") for one, other in pairs])
    found = definitions_of({}, Config(), graph)
    plan = make_plan([TaskId("lib:a", "build"), TaskId("lib:b", "build")], found.define)
    assert [task.id.project for task in plan.tasks.values()] == ["lib:c", "lib:a", "lib:b"]


def test_a_command_of_decant_toml_runs_in_the_folder_of_the_project() -> None:
    config = Config(tasks={"deploy": TaskTable(command="./deploy.sh --now")})
    task = define("service:orders", "deploy", config=config)
    assert (task.command, task.cwd) == (("./deploy.sh", "--now"), "services/orders")
    assert not task.is_cached  # nobody said that doing it once is enough


@pytest.mark.parametrize(
    ("table", "is_cached"),
    [(TaskTable(outputs=("x",)), True), (TaskTable(cache=True), True), (TaskTable(outputs=("x",), cache=False), False)],
)
def test_a_result_is_kept_where_it_makes_files_or_where_it_is_asked_for(table: TaskTable, is_cached: bool) -> None:
    config = Config(tasks={"gen": table._replace(command="gen")})
    assert define("lib:db", "gen", config=config).is_cached == is_cached


def test_the_table_of_a_project_goes_before_the_common_one_key_by_key() -> None:
    config = Config(
        tasks={"test": TaskTable(command="a", timeout_s=5.0, env=("A",))},
        project_tasks={"lib:db": {"test": TaskTable(command="b")}},
    )
    own, other = define("lib:db", "test", config=config), define("lib:common", "test", config=config)
    assert (own.command, own.timeout_s, "A" in own.env) == (("b",), 5.0, True)
    assert other.command == ("a",)


def test_a_table_without_a_command_changes_what_stands_to_reason() -> None:
    config = Config(tasks={"test": TaskTable(needs=("build",), timeout_s=60.0)})
    task = define("service:orders", "test", config=config)
    assert (task.needs, task.timeout_s) == ((TaskId("service:orders", "build"),), 60.0)
    assert "pytest" in task.command


def test_an_unclosed_quote_is_told_with_its_place() -> None:
    config = Config(tasks={"gen": TaskTable(command="echo 'x", at="decant.toml:3")})
    with pytest.raises(CommandError, match=r"decant\.toml:3"):
        define("lib:db", "gen", config=config)


def test_a_task_that_nobody_defines_is_none() -> None:
    found = definitions_of(FILES)
    assert found.define(TaskId("lib:db", "fly")) is None
    assert found.names() == ["build", "lint", "test"]


def test_lint_runs_what_the_root_sets_up_with_its_settings() -> None:
    assert define("lib:common", "lint").command == (
        "black",
        "--check",
        "--quiet",
        "--diff",
        "--config",
        "pyproject.toml",
        "libs/common",
    )


def test_several_linters_all_run_and_one_failure_is_enough() -> None:
    command = lint_command({"black": "pyproject.toml", "ruff": "ruff.toml"}, ["libs/a b"])
    assert command[:2] == ("/bin/sh", "-c")
    assert command[2].startswith("code=0; echo '$ black")
    assert "ruff check --config ruff.toml 'libs/a b' || code=1" in command[2]
    assert command[2].endswith("exit $code")


def test_nothing_set_up_and_nothing_to_check_are_notes() -> None:
    assert define("lib:db", "lint", {**FILES, "pyproject.toml": ""}).note == "no linter is set up"
    assert define("lib:db", "lint", {"libs/db/x.txt": ""}).note == "no Python files"


@pytest.mark.parametrize(
    ("file", "content", "found"),
    [
        ("pyproject.toml", "[tool.ruff.lint]\n[tool.blacken]\n", {"ruff"}),
        ("pyproject.toml", "[[tool.mypy.overrides]]\n[tool.isort]", {"mypy", "isort"}),
        ("setup.cfg", "[flake8]\n[tool:pytest]\n", {"flake8"}),
        ("pyproject.toml", "[tool.flake8]", set()),  # flake8 does not read it
        (".flake8", "", {"flake8"}),
        ("ruff.toml", "", {"ruff"}),
    ],
)
def test_linters_are_found_where_they_look_themselves(file: str, content: str, found: set[str]) -> None:
    assert set(configured(lambda path: content.encode() if path == file else None)) == found


def test_a_service_of_modules_checks_what_it_ships_of_its_own() -> None:
    assert define("service:shop", "lint").command[-1] == "shop/__init__.py"
