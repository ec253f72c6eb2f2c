from __future__ import annotations

import pytest

from decant_tools.workspace.facts import Facts, Requirement, extract
from decant_tools.workspace.facts.model import Include

PYPROJECT = """
[project]
name = "Order_Service"
version = "1.2.3"
dependencies = [
  "flask>=3",
  "common-utils",
  "db-connector; python_version > '3'",
  "direct @ file:../../libs/direct",
]

[project.optional-dependencies]
db = ["sqlalchemy"]

[dependency-groups]
dev = ["pytest", { include-group = "x" }]

[build-system]
requires = ["hatchling"]

[tool.uv.sources]
common_utils = { path = "../../libs/common_utils", editable = true }
db-connector = { workspace = true }
"""


def read(path: str, text: str | bytes) -> Facts:
    return extract(path, text.encode() if isinstance(text, str) else text)


def test_a_pyproject_says_what_it_is_and_what_it_asks_for() -> None:
    facts = read("x/pyproject.toml", PYPROJECT)
    assert facts.name == "order-service"
    assert facts.requirements == (
        Requirement(6, "flask"),
        Requirement(7, "common-utils", "../../libs/common_utils"),
        Requirement(8, "db-connector", is_member=True),
        Requirement(9, "direct", "../../libs/direct"),
        Requirement(13, "sqlalchemy", group="db"),
        Requirement(16, "pytest", group="dev"),
        Requirement(19, "hatchling", group="build"),
    )


def test_poetry_is_read() -> None:
    text = """
[tool.poetry]
name = "x"
packages = [{ include = "x", from = "lib" }]
[tool.poetry.dependencies]
python = "^3.11"
flask = "^3"
common_utils = { path = "../common_utils", develop = true }
[tool.poetry.group.dev.dependencies]
pytest = "*"
"""
    facts = read("pyproject.toml", text)
    assert facts.roots == ("lib",)
    assert facts.requirements == (
        Requirement(7, "flask"),
        Requirement(8, "common-utils", "../common_utils"),
        Requirement(10, "pytest", group="dev"),
    )


@pytest.mark.parametrize(
    "text",
    [
        '[tool.setuptools]\npackage-dir = { "" = "python" }',
        '[tool.setuptools.packages.find]\nwhere = ["python"]',
        '[tool.hatch.build.targets.wheel]\npackages = ["python/x"]',
        '[tool.hatch.build]\nsources = ["python"]',
        '[tool.poetry]\npackages = [{ include = "x", from = "python" }]',
        '[tool.uv.build-backend]\nmodule-root = "python"',
        '[tool.pdm.build]\npackage-dir = "python"',
    ],
)
def test_every_build_back_end_tells_where_packages_lie(text: str) -> None:
    assert read("pyproject.toml", text).roots == ("python",)


@pytest.mark.parametrize(
    "text",
    [
        "[project",
        "name = ",
        b"\xff\xfe\x00",
        "[project]\nname = 1\ndependencies = 3\n",
        "tool = 3",
        "[tool]\nuv = []\npoetry = 1",
        "[" * 5000,
    ],
)
def test_no_content_of_a_pyproject_is_an_exception(text: str | bytes) -> None:
    assert read("pyproject.toml", text).requirements == ()


def test_a_broken_pyproject_is_an_error_with_its_line() -> None:
    (fault,) = read("pyproject.toml", "[project]\nname = \n").faults
    assert (fault.level, fault.code, fault.line) == ("error", "unreadable-manifest", 2)


def test_a_pipfile_is_read() -> None:
    text = '[packages]\nflask = "*"\ncommon = {path = "../common", editable = true}\n[dev-packages]\npytest = "*"\n'
    assert [(each.name, each.path, each.group) for each in read("Pipfile", text).requirements] == [
        ("flask", "", ""),
        ("common", "../common", ""),
        ("pytest", "", "dev"),
    ]


def test_a_setup_py_is_read_and_not_run() -> None:
    text = """
from setuptools import setup, find_packages
raise SystemExit
base = ["flask", f"ignored {x}"]
setup(name="Some_Thing", version="1", package_dir={"": "python"}, packages=find_packages("python"),
      install_requires=base + ["common-utils>=1", "x @ file:../x"],
      extras_require={"db": ["sqlalchemy"]})
"""
    facts = read("setup.py", text)
    assert (facts.name, facts.roots) == ("some-thing", ("python",))
    assert {(each.name, each.path, each.group) for each in facts.requirements} >= {
        ("flask", "", ""),
        ("common-utils", "", ""),
        ("x", "../x", ""),
        ("sqlalchemy", "", "db"),
    }
    assert facts.imports[0].module == "setuptools"


@pytest.mark.parametrize(
    "text",
    [
        "given = dict(install_requires=['common-utils'], package_data={'x': ['templates/a.html']})\nsetup(**given)",
        "def main():\n    needed = ['common-utils']\n    setup(install_requires=needed)\nmain()",
        "needed = []\nneeded.append('common-utils')\nsetup(install_requires=needed)",
        "needed = []\nneeded += ['common-utils>=1']\nsetup(extras_require={'x': []}, install_requires=needed)",
        "extras = {'db': ('common-utils',)}\nextras['all'] = sum(extras.values(), ())\nsetup(extras_require=extras)",
    ],
)
def test_requirements_that_a_setup_py_puts_together_are_found_among_its_strings(text: str) -> None:
    found = read("setup.py", text).requirements
    assert "common-utils" in {each.name for each in found}
    assert not any(each.path for each in found)


def test_tables_of_pixi_and_flit_are_read() -> None:
    text = """
[tool.flit.metadata]
module = "some_thing"
requires = ["flask"]
[tool.pixi.pypi-dependencies]
common-utils = { path = "../common", editable = true }
[tool.pixi.feature.test.pypi-dependencies]
pytest = "*"
"""
    facts = read("pyproject.toml", text)
    assert facts.name == "some-thing"
    assert {(each.name, each.path, each.group) for each in facts.requirements} == {
        ("flask", "", ""),
        ("common-utils", "../common", ""),
        ("pytest", "", "test"),
    }


def test_a_setup_cfg_is_read() -> None:
    text = """
[metadata]
name = Some_Thing
[options]
package_dir =
    = python
install_requires =
    flask
    common-utils; python_version > "3"
[options.extras_require]
db =
    sqlalchemy
[options.packages.find]
where = python
"""
    facts = read("setup.cfg", text)
    assert (facts.name, facts.roots) == ("some-thing", ("python",))
    assert [(each.name, each.group) for each in facts.requirements] == [
        ("flask", ""),
        ("common-utils", ""),
        ("sqlalchemy", "db"),
    ]


@pytest.mark.parametrize(("path", "text"), [("setup.py", "setup("), ("setup.cfg", "no section"), ("package.json", "{")])
def test_other_manifests_that_cannot_be_read_are_errors(path: str, text: str) -> None:
    assert [fault.code for fault in read(path, text).faults if fault.level == "error"] == ["unreadable-manifest"]


def test_a_package_json_is_read() -> None:
    text = '{"name": "@shop/web", "dependencies": {"@shop/ui": "workspace:*", "x": "file:../x"},\n"devDependencies": {"y": "^1"}}'
    facts = read("package.json", text)
    assert facts.name == "npm:@shop/web"
    assert facts.requirements == (
        Requirement(1, "npm:@shop/ui", is_member=True),
        Requirement(1, "npm:x", "../x"),
        Requirement(2, "npm:y", group="dev"),
    )


@pytest.mark.parametrize("text", ["[]", "1", '{"name": 3, "dependencies": [1]}', '{"dependencies": {"a": {}}}'])
def test_no_content_of_a_package_json_is_an_exception(text: str) -> None:
    assert read("package.json", text).requirements == ()


def test_files_that_setuptools_takes_requirements_from_are_includes() -> None:
    text = """[project]
dynamic = ["dependencies"]
[tool.setuptools.dynamic]
dependencies = { file = ["needed.txt", "./requirements/run.txt"] }
version = { file = "VERSION" }
optional-dependencies.db = { file = "needed-db.txt" }
readme = 3
"""
    assert read("pyproject.toml", text).includes == (
        Include(4, "needed.txt"),
        Include(4, "./requirements/run.txt"),
        Include(6, "needed-db.txt"),
    )
    for broken in ("dependencies = 3", "dependencies = { file = 3 }", "optional-dependencies = { db = 3 }"):
        assert read("pyproject.toml", f"[tool.setuptools.dynamic]\n{broken}\n").includes == ()
