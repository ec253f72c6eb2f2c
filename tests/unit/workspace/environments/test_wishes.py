"""What the environment of a project holds: its own requirements, and the libs of the workspace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.environments import lint_tools
from decant_tools.workspace.environments.make import key_of
from decant_tools.workspace.environments.wishes import Purpose, Wishes, wishes_of
from decant_tools.workspace.model import Project
from tests.unit.workspace.environments.sight import Sight, lib, service

ORDERS, USERS = service("orders"), service("users")
COMMON = lib("common_utils")
MANIFEST = '[project]\nname = "common-utils"\n[build-system]\nrequires = []\nbuild-backend = "x"\n'

ON_PATH = "common-utils is libs/common_utils, which is put on the path: no index is asked for it."


def sight(files: dict[str, str], *libs: Project, needs: bool = True) -> Sight:
    edges = [(ORDERS.id, each.id) for each in libs] if needs else []
    return Sight(Path("/ws"), files, (ORDERS, USERS, *libs), edges)


def wishes(files: dict[str, str], *libs: Project, purpose: Purpose = "run") -> Wishes:
    return wishes_of(sight(files, *libs), ORDERS, purpose)  # type: ignore[arg-type]


def texts(found: Wishes) -> list[str]:
    return [line.text for line in found.lines]


@pytest.mark.parametrize(
    "written", ["../../libs/common_utils", "../libs/common_utils", "libs/common_utils", "-e ../libs/common_utils"]
)
def test_a_lib_without_a_manifest_is_put_on_the_path_however_it_is_written(written: str) -> None:
    found = wishes({"services/orders/requirements.txt": f"flask\n{written}\n"}, COMMON)
    assert texts(found) == ["flask"]
    assert found.path == ("libs", "")
    assert found.editable == ()


def test_a_path_that_is_literally_right_needs_no_note_and_a_tutorials_one_has_one() -> None:
    assert wishes({"services/orders/requirements.txt": "../../libs/common_utils\n"}, COMMON).notes == ()
    (note,) = wishes({"services/orders/requirements.txt": "flask\n../libs/common_utils\n"}, COMMON).notes
    assert note == (
        "services/orders/requirements.txt:2: ../libs/common_utils is taken to be libs/common_utils, "
        "as there is no services/libs/common_utils."
    )


def test_a_path_that_leads_nowhere_names_the_libs_that_there_are() -> None:
    with pytest.raises(CommandError, match=r"services/orders/requirements.txt:1: there is no ../libs/comon") as caught:
        wishes({"services/orders/requirements.txt": "../libs/comon\n"}, COMMON)
    assert (caught.value.exit_code, caught.value.hint) == (3, "Its libs are: libs/common_utils.")


@pytest.mark.parametrize("written", ["../../libs/common_utils", "common-utils", "Common.Utils>=0"])
def test_a_lib_with_a_manifest_is_installed_editable_by_path_or_name(written: str) -> None:
    files = {"services/orders/requirements.txt": f"{written}\n", "libs/common_utils/pyproject.toml": MANIFEST}
    found = wishes(files, lib("common_utils", "common-utils"))
    assert (texts(found), found.editable, found.path) == ([], ("libs/common_utils",), ("",))
    assert found.manifests == ("libs/common_utils/pyproject.toml",)


@pytest.mark.parametrize("written", ["common-utils", "Common.Utils>=2", "common_utils ; python_version > '3'"])
def test_a_lib_without_a_manifest_that_is_asked_for_by_name_is_put_on_the_path(written: str) -> None:
    found = wishes({"services/orders/requirements.txt": f"flask\n{written}\n"}, COMMON)
    assert (texts(found), found.path, found.editable, found.beside) == (["flask"], ("libs", ""), (), {})
    assert found.notes == (f"services/orders/requirements.txt:2: {ON_PATH}",)


def test_a_lib_is_asked_for_by_the_name_of_its_folder_whatever_it_is_called_here() -> None:
    called = Project("lib", "common", "libs/common_utils", ("libs/common_utils",))
    files = {"services/orders/requirements.txt": "common-utils\ncommon\n"}
    assert texts(wishes(files, called)) == ["common"]


ASKING = '[project]\nname = "orders"\n{}\n[build-system]\nrequires = []\nbuild-backend = "x"\n'


@pytest.mark.parametrize(
    ("file", "text", "line", "version"),
    [
        ("pyproject.toml", ASKING.format('dependencies = ["flask", "Common.Utils"]'), 3, "0"),
        ("pyproject.toml", ASKING.format('dependencies = ["common_utils[x] >=1.2, <3"]'), 3, "1.2"),
        ("pyproject.toml", ASKING.format('dependencies = ["common-utils>2"]'), 3, "2.0.1"),
        ("setup.py", "from setuptools import setup\nsetup(install_requires=['common-utils==1.4'])\n", 2, "1.4"),
    ],
)
def test_an_installed_project_that_names_a_lib_without_a_manifest_has_it_beside(
    file: str, text: str, line: int, version: str
) -> None:
    files = {f"services/orders/{file}": text}
    found = wishes(files, COMMON)
    assert (found.editable, found.path, dict(found.beside)) == (
        ("services/orders",),
        ("libs", ""),
        {"common-utils": version},
    )
    assert found.notes == (f"services/orders/{file}:{line}: {ON_PATH}",)
    assert key_of(found, Path("/ws"), {}) != key_of(replace(found, beside={}), Path("/ws"), {})


def test_what_setuptools_takes_in_counts_for_an_installed_project() -> None:
    dynamic = 'dynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = {{ file = ["needed.txt"] }}'
    files = {
        "services/orders/pyproject.toml": ASKING.format(dynamic.format()),
        "services/orders/needed.txt": "-r more.txt\n",
        "services/orders/more.txt": "common-utils>=2\n",
    }
    found = wishes(files, COMMON)
    assert sorted(found.manifests) == sorted(files)
    assert (dict(found.beside), found.notes) == (
        {"common-utils": "2"},
        (f"services/orders/more.txt:1: {ON_PATH}",),
    )


def test_a_lib_that_an_installed_project_only_imports_may_have_a_namesake_in_the_index() -> None:
    found = wishes({"services/orders/pyproject.toml": ASKING.format('dependencies = ["flask"]')}, COMMON)
    assert (dict(found.beside), found.notes) == ({}, ())


@pytest.mark.parametrize(
    "written", ["../../libs/common_utils[db]", "common-utils[db]>=0", "-e ../libs/common_utils[db]"]
)
def test_extras_of_a_lib_are_wished_for(written: str) -> None:
    packaged = {"services/orders/requirements.txt": f"{written}\n", "libs/common_utils/pyproject.toml": MANIFEST}
    found = wishes(packaged, lib("common_utils", "common-utils"))
    assert (found.editable, dict(found.extras)) == (("libs/common_utils",), {"libs/common_utils": ("db",)})
    without = {**packaged, "services/orders/requirements.txt": "common-utils\n"}
    plain = wishes(without, lib("common_utils", "common-utils"))
    assert key_of(found, Path("/ws"), {}) != key_of(plain, Path("/ws"), {})


@pytest.mark.parametrize("written", ["../../libs/common_utils[db]", "common-utils[db]"])
def test_extras_of_a_lib_that_is_not_installed_are_its_requirements(written: str) -> None:
    manifest = '[project]\nname = "common-utils"\n[project.optional-dependencies]\ndb = ["psycopg"]\nweb = ["flask"]\n'
    files = {"services/orders/requirements.txt": f"{written}\n", "libs/common_utils/pyproject.toml": manifest}
    assert texts(wishes(files, lib("common_utils", "common-utils"))) == ["psycopg"]


def test_an_archive_in_the_repository_changes_the_key_with_its_content() -> None:
    files = {"services/orders/requirements.txt": "./w-1-py3-none-any.whl\n", "services/orders/w-1-py3-none-any.whl": ""}
    found = wishes(files)
    path = "services/orders/w-1-py3-none-any.whl"
    assert texts(found) == [f"file:///ws/{path}"]
    assert key_of(found, Path("/ws"), {path: "a"}) != key_of(found, Path("/ws"), {path: "b"})


def test_a_lib_that_is_only_imported_brings_its_requirements() -> None:
    files = {"services/orders/requirements.txt": "flask\n", "libs/common_utils/requirements.txt": "attrs\n"}
    assert texts(wishes(files, COMMON)) == ["flask", "attrs"]
    assert texts(wishes_of(sight(files, COMMON), USERS, "run")) == []  # type: ignore[arg-type]


def test_a_lib_without_a_manifest_finds_itself_by_its_own_name() -> None:
    other = lib("db_connector")
    found = Sight(Path("/ws"), {}, (COMMON, other), [(COMMON.id, other.id)])
    assert wishes_of(found, COMMON, "test").path == ("libs", "")  # type: ignore[arg-type]
    installed = Sight(Path("/ws"), {"libs/common_utils/pyproject.toml": MANIFEST}, (COMMON,))
    assert wishes_of(installed, COMMON, "test").path == ("",)  # type: ignore[arg-type]


def test_a_lib_in_a_folder_of_its_own_finds_itself_there() -> None:
    inner = Project("lib", "tables", "packages/tables", packages=(("tables", "packages/tables/src/tables"),))
    found = Sight(Path("/ws"), {}, (inner,))
    assert wishes_of(found, inner, "test").path == ("packages/tables/src", "")  # type: ignore[arg-type]


def test_the_workspace_itself_has_what_its_root_asks_for_and_every_lib() -> None:
    files = {"requirements.txt": "httpx\n", "libs/common_utils/requirements.txt": "yaml\n"}
    found = wishes_of(sight(files, COMMON, needs=False), Project("service", "workspace", ""), "test")  # type: ignore[arg-type]
    assert texts(found) == ["httpx", "yaml", "pytest"]
    assert found.path == ("libs", "")


def test_libs_of_a_service_that_is_needed_are_none_of_ours() -> None:
    files = {"services/orders/requirements.txt": "flask\n", "libs/common_utils/requirements.txt": "attrs\n"}
    edges = [(ORDERS.id, USERS.id), (USERS.id, COMMON.id), (USERS.id, ORDERS.id)]
    found = Sight(Path("/ws"), files, (ORDERS, USERS, COMMON), edges)
    assert texts(wishes_of(found, ORDERS, "run")) == ["flask"]  # type: ignore[arg-type]
    assert texts(wishes_of(found, USERS, "run")) == ["attrs"]  # type: ignore[arg-type]


def test_a_manifest_with_a_build_system_is_installed_itself_and_one_without_gives_its_dependencies() -> None:
    plain = '[project]\nname = "orders"\ndependencies = ["flask"]\n'
    assert texts(wishes({"services/orders/pyproject.toml": plain})) == ["flask"]
    built = wishes({"services/orders/pyproject.toml": f'{plain}[build-system]\nrequires = ["hatchling"]\n'})
    assert (texts(built), built.editable) == ([], ("services/orders",))


def test_a_source_of_uv_is_the_workspaces_own_lib() -> None:
    text = '[project]\nname = "orders"\ndependencies = ["utils"]\n[tool.uv.sources]\nutils = { path = "../../libs/common_utils" }\n'
    assert wishes({"services/orders/pyproject.toml": text}, COMMON).path == ("libs", "")


def test_who_has_no_requirements_takes_those_of_the_root_and_says_so() -> None:
    found = wishes({"requirements.txt": "flask\n", "services/orders/app.py": ""})
    assert texts(found) == ["flask"]
    assert found.notes == ("services/orders has no requirements of its own: those of requirements.txt are taken.",)


def test_a_pipfile_is_read_where_there_is_nothing_else() -> None:
    text = (
        '[packages]\nflask = "*"\nclick = "==8.1.7"\ncommon = {path = "../../libs/common_utils", editable = true}\n'
        'redis = {version = ">=5", extras = ["hiredis"], markers = "python_version > \'3\'"}\n'
        'ours = {git = "https://git.example.org/ours.git"}\n[dev-packages]\nresponses = "*"\n'
    )
    files = {"services/orders/Pipfile": text}
    run = ["flask", "click==8.1.7", "redis[hiredis]>=5 ; python_version > '3'"]
    assert texts(wishes(files, COMMON)) == run
    assert wishes(files, COMMON).lines[1].at == "services/orders/Pipfile:3"
    assert sorted(texts(wishes(files, COMMON, purpose="test"))) == sorted([*run, "responses", "pytest"])


def test_tests_bring_pytest_and_what_is_asked_for_beside_it() -> None:
    files = {
        "services/orders/requirements.txt": "flask\n",
        "services/orders/requirements-dev.txt": "responses\n",
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q --cov=services"\n[dependency-groups]\ndev = ["faker"]\n',
    }
    assert texts(wishes(files)) == ["flask"]
    assert sorted(texts(wishes(files, purpose="test"))) == ["faker", "flask", "pytest", "pytest-cov", "responses"]
    files["services/orders/requirements-dev.txt"] = "pytest==8.0.0\n"
    assert "pytest" not in texts(wishes(files, purpose="test"))


def test_a_lock_file_that_knows_the_project_decides_and_one_that_does_not_is_left() -> None:
    manifest = '[project]\nname = "orders"\ndependencies = ["flask"]\n[dependency-groups]\ndev = ["responses"]\n'
    files = {"services/orders/pyproject.toml": manifest, "uv.lock": 'version = 1\n[[package]]\nname = "orders"\n'}
    found = wishes(files)
    assert (found.lock, found.member, texts(found), found.groups) == ("uv.lock", "orders", [], ())
    assert wishes(files, purpose="test").groups == ("group=dev",)
    assert wishes({**files, "uv.lock": '[[package]]\nname = "other"\n'}).lock == ""
    without_uv = wishes_of(sight(files), ORDERS, "run", uses_lock=False)  # type: ignore[arg-type]
    assert (texts(without_uv), without_uv.lock) == (["flask"], "")
    assert "uv is not installed" in without_uv.notes[0]


def test_linters_are_those_that_the_root_sets_up_in_the_versions_that_it_names() -> None:
    files = {
        "pyproject.toml": "[tool.black]\n[tool.isort]\n[tool.pytest.ini_options]\n",
        "setup.cfg": "[flake8]\nmax-line-length = 100\n",
        "requirements-dev.txt": "black==24.1.0\npytest\n",
    }
    found = sight(files)
    assert lint_tools(found) == ("black", "isort", "flake8")  # type: ignore[arg-type]
    assert texts(wishes(files, purpose="lint")) == ["black==24.1.0", "isort", "flake8"]


def test_a_key_is_the_same_for_the_same_wishes_and_another_for_others() -> None:
    def key(files: dict[str, str], project: Project = ORDERS, purpose: Purpose = "run") -> str:
        found = sight(files, lib("common_utils", "common-utils"))
        return key_of(wishes_of(found, project, purpose), found.root, found.tree.files)  # type: ignore[arg-type]

    files = {
        "services/orders/requirements.txt": "flask\nclick # x\n",
        "services/users/requirements.txt": "click\nflask\n",
    }
    assert key(files) == key(files, USERS)
    assert key(files) != key(files, purpose="test")
    assert key(files) != key({**files, "services/orders/requirements.txt": "flask\nclick>8\n"})
    with_lib = {
        **files,
        "libs/common_utils/pyproject.toml": MANIFEST,
        "services/orders/requirements.txt": "common-utils\n",
    }
    assert key(with_lib) != key({**with_lib, "libs/common_utils/pyproject.toml": f'{MANIFEST}# "attrs"\n'})
