from __future__ import annotations

import pytest

from tests.unit.workspace.discover.trees import codes, found_in, ids


@pytest.mark.parametrize("home", ["services", "apps"])
@pytest.mark.parametrize(
    "file",
    ["app.py", "wsgi.py", "asgi.py", "main.py", "manage.py", "pyproject.toml", "requirements.txt", "Dockerfile", "Dockerfile.dev"],
)  # fmt: skip
def test_a_folder_of_services_with_something_that_starts_or_builds_is_a_service(home: str, file: str) -> None:
    assert ids(found_in(f"{home}/orders/{file}")) == {"service:orders": f"{home}/orders"}


@pytest.mark.parametrize("home", ["libs", "packages"])
@pytest.mark.parametrize(
    "file", ["__init__.py", "helpers.py", "pyproject.toml", "src/common/__init__.py", "acme/common/x.py"]
)
def test_a_folder_of_libs_with_any_python_is_a_lib(home: str, file: str) -> None:
    assert ids(found_in(f"{home}/common/{file}")) == {"lib:common": f"{home}/common"}


def test_a_folder_without_code_is_nothing() -> None:
    assert ids(found_in("services/README.md", "services/orders/README.md", "libs/common/data.csv", "docs/app.py")) == {}


def test_what_tools_leave_in_a_deleted_folder_is_nothing() -> None:
    left = ("services/gone/__pycache__/app.cpython-311.pyc", "libs/gone/.mypy_cache/x.py", "libs/old/old.egg-info/x.py")
    assert ids(found_in(*left)) == {}


def test_a_dockerfile_alone_is_a_service_and_noted() -> None:
    discovery = found_in("services/gone/Dockerfile")
    assert ids(discovery) == {"service:gone": "services/gone"}
    assert codes(discovery) == [("only-an-image", "services/gone")]


def test_a_service_in_another_language_is_a_service() -> None:
    discovery = found_in("services/front/Dockerfile", "services/front/main.go")
    assert ids(discovery) == {"service:front": "services/front"}
    assert codes(discovery) == []


def test_vendored_code_and_environments_hold_no_projects() -> None:
    noise = [f"services/orders/{folder}/x/app.py" for folder in (".venv", "venv", "node_modules", ".tox")]
    discovery = found_in(
        "services/orders/app.py", *noise, "libs/node_modules/x/setup.py", "node_modules/services/x/app.py"
    )
    assert ids(discovery) == {"service:orders": "services/orders"}


def test_services_lie_in_folders_of_teams() -> None:
    discovery = found_in(
        "services/team/orders/app.py", "services/team/deep/billing/Dockerfile", "services/team/README.md"
    )
    assert ids(discovery) == {"service:billing": "services/team/deep/billing", "service:orders": "services/team/orders"}


def test_libs_lie_in_folders_of_teams() -> None:
    discovery = found_in("libs/team/one/pyproject.toml", "libs/team/one/one/__init__.py", "libs/team/two/setup.py")
    assert ids(discovery) == {"lib:one": "libs/team/one", "lib:two": "libs/team/two"}


@pytest.mark.parametrize("code", ["orders/app.py", "src/orders/web.py", "app/main.py"])
def test_a_service_whose_code_is_a_package_in_it_is_one_service(code: str) -> None:
    assert ids(found_in(f"services/orders/{code}", "services/orders/tests/test_x.py")) == {
        "service:orders": "services/orders"
    }


def test_code_among_services_that_nothing_starts_counts_as_a_lib() -> None:
    discovery = found_in("services/common/helpers.py", "services/orders/app.py")
    assert ids(discovery) == {"lib:common": "services/common", "service:orders": "services/orders"}
    assert codes(discovery) == [("no-start", "services/common")]


def test_one_name_may_be_a_service_and_a_lib() -> None:
    discovery = found_in("services/orders/app.py", "libs/orders/__init__.py")
    assert ids(discovery) == {"lib:orders": "libs/orders", "service:orders": "services/orders"}


def test_two_of_one_kind_and_name_are_called_by_their_paths() -> None:
    discovery = found_in("services/a/orders/app.py", "apps/orders/app.py", "services/users/app.py")
    assert ids(discovery) == {
        "service:apps/orders": "apps/orders",
        "service:services/a/orders": "services/a/orders",
        "service:users": "services/users",
    }


@pytest.mark.parametrize("name", ["my.service", "my service", "übersicht", "注文", "\udcff"])
def test_a_name_is_a_folders_name_whatever_it_consists_of(name: str) -> None:
    discovery = found_in(f"services/{name}/app.py")
    assert ids(discovery) == {f"service:{name}": f"services/{name}"}


@pytest.mark.parametrize("manifest", ["requirements.txt", "pyproject.toml", "Dockerfile"])
def test_a_folder_at_the_root_that_starts_and_has_a_manifest_is_a_service(manifest: str) -> None:
    discovery = found_in(
        "orders/app.py", f"orders/{manifest}", "scripts/app.py", "scripts/requirements.txt", "other/app.py"
    )
    assert ids(discovery) == {"service:orders": "orders"}


def test_homes_may_lie_one_folder_below() -> None:
    discovery = found_in("backend/services/orders/app.py", "backend/libs/common/x.py", "backend/README.md")
    assert ids(discovery) == {"lib:common": "backend/libs/common", "service:orders": "backend/services/orders"}


def test_a_package_with_a_folder_called_services_is_no_home() -> None:
    assert ids(found_in("shop/__init__.py", "shop/services/orders/main.py", "shop/services/__init__.py")) == {}


@pytest.mark.parametrize("files", [("app.py",), ("wsgi.py",), ("manage.py",), ("main.py", "requirements.txt")])
def test_the_root_alone_is_a_service(files: tuple[str, ...]) -> None:
    assert ids(found_in(*files, "libs/common/x.py")) == {"lib:common": "libs/common", "service:shop": ""}


def test_the_root_beside_services_is_none() -> None:
    assert ids(found_in("app.py", "services/orders/app.py")) == {"service:orders": "services/orders"}
    assert ids(found_in("main.py")) == {}


def test_findings_and_projects_do_not_depend_on_the_order_of_files() -> None:
    paths = ["services/b/app.py", "services/a/Dockerfile", "libs/z/x.py", "libs/a/x.py", "services/c/x.py"]
    assert found_in(*paths) == found_in(*reversed(paths))
    assert [each.id for each in found_in(*paths).projects] == sorted(ids(found_in(*paths)))
