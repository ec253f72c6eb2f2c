from __future__ import annotations

import pytest

from tests.unit.workspace.discover.trees import found_in, project


def packages(name: str, *paths: str, **files: str) -> dict[str, str]:
    contents = {path.replace("__", "/"): content for path, content in files.items()}
    return dict(project(found_in(*paths, files=contents), name).packages)


def test_a_lib_that_is_a_package_has_its_folders_name() -> None:
    assert packages("common", "libs/common/__init__.py", "libs/common/helpers.py", "libs/common/sub/__init__.py") == {
        "common": "libs/common",
        "libs.common": "libs/common",
    }


def test_a_lib_without_manifest_may_be_loose_modules() -> None:
    found = packages("common", "libs/common/helpers.py", "libs/common/conftest.py", "libs/common/test_helpers.py")
    assert found == {"common": "libs/common", "helpers": "libs/common/helpers.py", "libs.common": "libs/common"}


def test_a_lib_in_src_layout_has_the_packages_in_src() -> None:
    found = packages(
        "common-utils",
        "libs/common-utils/pyproject.toml", "libs/common-utils/src/common_utils/__init__.py",
        "libs/common-utils/src/single.py", "libs/common-utils/tests/__init__.py", "libs/common-utils/scripts/x.py",
    )  # fmt: skip
    assert found == {
        "common_utils": "libs/common-utils/src/common_utils",
        "single": "libs/common-utils/src/single.py",
    }


def test_a_lib_in_flat_layout_has_the_packages_in_it_but_not_its_tests() -> None:
    found = packages(
        "db", "libs/db/setup.py", "libs/db/db/__init__.py", "libs/db/tests/__init__.py", "libs/db/docs/x.py"
    )
    assert found == {"db": "libs/db/db", "libs.db": "libs/db"}


def test_parts_of_a_namespace_are_told_apart() -> None:
    discovery = found_in(
        "libs/one/pyproject.toml", "libs/one/acme/one/__init__.py", "libs/two/pyproject.toml", "libs/two/src/acme/two/x.py"
    )  # fmt: skip
    assert project(discovery, "one").packages == (("acme.one", "libs/one/acme/one"), ("libs.one", "libs/one"))
    assert project(discovery, "two").packages == (
        ("acme.two.x", "libs/two/src/acme/two/x.py"),
        ("libs.two", "libs/two"),
    )


@pytest.mark.parametrize(
    "toml",
    [
        '[tool.setuptools.packages.find]\nwhere = ["python"]',
        '[tool.setuptools.package-dir]\n"" = "python"',
        '[tool.hatch.build.targets.wheel]\npackages = ["python/db"]',
        '[tool.poetry]\npackages = [{ include = "db", from = "python" }]',
        '[tool.uv.build-backend]\nmodule-root = "python"',
    ],
)
def test_a_manifest_says_where_packages_lie(toml: str) -> None:
    discovery = found_in("libs/x/python/db/__init__.py", files={"libs/x/pyproject.toml": toml})
    assert project(discovery, "x").roots == ("libs/x", "libs/x/python")
    assert ("db", "libs/x/python/db") in project(discovery, "x").packages


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "setup(name='x', package_dir={'': 'python'}, packages=find_packages('python'))"},
        {"setup.cfg": "[options]\npackage_dir =\n    = python\n"},
        {"setup.cfg": "[options]\npackages = find:\n[options.packages.find]\nwhere = python\n"},
        {"pyproject.toml": "[project]\nname = 'x'", "setup.py": 'setup(package_dir={"": "./python/"})'},
    ],
)
def test_so_do_the_manifests_of_setuptools(files: dict[str, str]) -> None:
    contents = {f"libs/x/{name}": text for name, text in files.items()}
    found = project(found_in("libs/x/python/db/__init__.py", files=contents), "x")
    assert found.roots == ("libs/x", "libs/x/python")
    assert ("db", "libs/x/python/db") in found.packages


def test_a_lib_with_a_manifest_may_be_a_package_by_mistake() -> None:
    found = packages("x", "libs/x/pyproject.toml", "libs/x/__init__.py", "libs/x/db/__init__.py")
    assert found == {"x": "libs/x", "db": "libs/x/db", "libs.x": "libs/x"}


@pytest.mark.parametrize("base", ["../other", "/etc", ".", "missing"])
def test_a_folder_outside_or_that_is_not_there_is_no_root(base: str) -> None:
    toml = f'[tool.setuptools.packages.find]\nwhere = ["{base}"]'
    assert project(found_in("libs/x/x.py", files={"libs/x/pyproject.toml": toml}), "x").roots == ("libs/x",)


def test_the_imports_of_a_service_start_in_its_folder_and_its_src() -> None:
    assert project(found_in("services/a/app.py", "services/a/src/a/x.py"), "a").roots == (
        "services/a",
        "services/a/src",
    )
    assert project(found_in("services/a/app.py", "services/a/src/style.css"), "a").roots == ("services/a",)


def test_others_import_a_service_without_manifest_only_by_its_path() -> None:
    assert packages("a", "services/a/app.py", "services/a/utils/__init__.py") == {"services.a": "services/a"}


def test_others_import_the_packages_of_a_service_with_manifest() -> None:
    found = packages("a", "services/a/app.py", "services/a/pyproject.toml", "services/a/a_core/__init__.py")
    assert found == {"a_core": "services/a/a_core", "app": "services/a/app.py", "services.a": "services/a"}


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": '[project]\nname = "Acme.DB__tools"'}, "acme-db-tools"),
        ({"pyproject.toml": '[tool.poetry]\nname = "acme_db"'}, "acme-db"),
        ({"pyproject.toml": '[tool.flit.metadata]\nmodule = "acme_db"'}, "acme-db"),
        ({"setup.cfg": "[metadata]\nname = acme_db\n[options]\nname = other"}, "acme-db"),
        ({"setup.py": "setup(\n  name='acme_db', version=1)"}, "acme-db"),
        ({"pyproject.toml": "[build-system]", "setup.cfg": "[metadata]\nname = acme"}, "acme"),
        ({"pyproject.toml": "[project]\nname = 3"}, ""),
        ({"x.py": ""}, ""),
    ],
)
def test_the_name_of_the_distribution_is_that_of_its_manifest(files: dict[str, str], name: str) -> None:
    discovery = found_in(files={f"libs/db/{path}": content for path, content in files.items()} | {"libs/db/y.py": ""})
    assert project(discovery, "db").distribution == name


def test_a_broken_manifest_is_told_and_the_project_is_found_nevertheless() -> None:
    discovery = found_in(files={"libs/db/pyproject.toml": "\n[project", "libs/db/db/__init__.py": ""})
    assert project(discovery, "db").distribution == ""
    (finding,) = discovery.findings
    assert (finding.level, finding.code, finding.at) == ("warning", "broken-manifest", "libs/db/pyproject.toml:2")
    assert finding.message == "This file is not TOML: its name and its dependencies are not known."
