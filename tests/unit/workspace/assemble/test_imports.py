from __future__ import annotations

import pytest

from tests.unit.workspace.assemble.graphs import PLAIN, edges, graph_of, links

ORDERS = "service:orders"


def imported(source: str, **more: str) -> set[str]:
    """Return what the service depends on by importing it."""
    files = {**PLAIN, "services/orders/app.py": source, **more}
    return {target for target, *_ in edges(graph_of(files), ORDERS, "import")}


@pytest.mark.parametrize(
    "source",
    [
        "import common_utils",
        "import common_utils.helpers as h",
        "from common_utils import helpers",
        "from common_utils.helpers import f",
        "from common_utils import *",
        "from libs.common_utils import helpers",
        "from libs.common_utils.helpers import f",
        "from libs import common_utils",
        "import libs.common_utils.helpers",
        "from ...libs.common_utils import helpers",
        "import importlib\nimportlib.import_module('common_utils.helpers')",
        "def f():\n    import common_utils",
        "if TYPE_CHECKING:\n    from common_utils import X",
        "from common_utils.gone import x",
        "import libs.common_utils.gone",
    ],
)
def test_however_a_lib_is_imported_there_is_an_edge_to_it(source: str) -> None:
    assert imported(source) == {"lib:common_utils"}


@pytest.mark.parametrize(
    "source",
    [
        "import libs",
        "import os",
        "from flask import Flask",
        "import common",
        "import services",
        "from . import app",
        "import app",
        "from .... import x",
    ],
)
def test_what_leads_to_no_project_makes_no_edge(source: str) -> None:
    assert imported(source) == set()


def test_an_edge_names_the_first_place_that_says_so() -> None:
    files = {**PLAIN, "services/orders/app.py": "\n\nimport db\n" + "\n" * 8 + "import db.connection\n"}
    assert edges(graph_of(files), ORDERS, "import") == [("lib:db", "import", "services/orders/app.py:3")]


def test_every_file_of_a_project_counts_and_so_do_its_tests() -> None:
    files = {
        **PLAIN,
        "services/orders/tests/test_app.py": "import db",
        "services/orders/a/b/c.py": "import common_utils",
    }
    assert links(graph_of(files), "import") == {(ORDERS, "lib:db"), (ORDERS, "lib:common_utils")}


def test_a_lib_may_need_a_lib() -> None:
    files = {**PLAIN, "libs/db/connection.py": "from common_utils import helpers"}
    graph = graph_of(files)
    assert links(graph, "import") == {("lib:db", "lib:common_utils")}


def test_what_a_project_has_itself_hides_what_others_offer() -> None:
    assert imported("import db.connection", **{"services/orders/db/connection.py": ""}) == set()
    assert imported("from db import connection", **{"services/orders/src/db/connection.py": ""}) == set()


def test_what_it_has_only_in_part_hides_nothing() -> None:
    assert imported("import db.connection", **{"services/orders/db/other.py": ""}) == {"lib:db"}
    assert imported("from libs.db import connection", **{"services/orders/libs/x.py": ""}) == {"lib:db"}
    assert imported("from db import connection", **{"services/orders/db/other.py": ""}) == {"lib:db"}


def test_two_libs_that_offer_one_name_are_both_meant() -> None:
    files = {
        "libs/a/pyproject.toml": "[project]\nname = 'a'",
        "libs/a/src/tools/__init__.py": "",
        "libs/b/pyproject.toml": "[project]\nname = 'b'",
        "libs/b/src/tools/__init__.py": "",
        "services/orders/app.py": "import tools",
    }
    assert links(graph_of(files), "import") == {(ORDERS, "lib:a"), (ORDERS, "lib:b")}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("libs/x/src/shop_tools/money.py", "from shop_tools import money"),
        ("libs/x/shop_tools/money.py", "import shop_tools.money"),
        ("libs/x/src/money.py", "import money"),
        ("libs/x/src/shop/tools/__init__.py", "from shop import tools"),
        ("libs/x/src/shop/tools/__init__.py", "from shop.tools import anything"),
        ("libs/x/python/shop_tools/__init__.py", "import shop_tools"),
    ],
)
def test_every_layout_of_a_lib_is_known(path: str, source: str) -> None:
    files = {
        "libs/x/pyproject.toml": '[project]\nname = "x"\n[tool.setuptools.packages.find]\nwhere = ["python"]\n',
        path: "",
        "services/orders/app.py": source,
    }
    assert links(graph_of(files), "import") == {(ORDERS, "lib:x")}


def test_two_libs_of_one_namespace_are_told_apart() -> None:
    files = {
        "libs/a/src/shop/a/__init__.py": "",
        "libs/b/src/shop/b/__init__.py": "",
        "services/orders/app.py": "from shop import b",
        "services/users/app.py": "import shop.a, os",
    }
    assert links(graph_of(files), "import") == {(ORDERS, "lib:b"), ("service:users", "lib:a")}


def test_a_package_s_own_name_may_be_that_of_the_standard_library() -> None:
    files = {**PLAIN, "libs/logging/__init__.py": "", "services/orders/app.py": "from libs.logging import setup"}
    assert (ORDERS, "lib:logging") in links(graph_of(files), "import")


def test_an_import_of_another_service_is_an_edge() -> None:
    assert imported("from services.users import app") == {"service:users"}


def test_a_python_file_in_no_project_is_a_node_as_far_as_a_project_reaches_it() -> None:
    files = {
        **PLAIN,
        "shared/__init__.py": "",
        "shared/money.py": "from shared import rates\nimport db",
        "shared/rates.py": "",
        "shared/unused.py": "import common_utils",
        "conftest.py": "import common_utils",
        "services/orders/app.py": "from shared.money import f",
    }
    assert links(graph_of(files)) == {
        (ORDERS, "file:shared/__init__.py"),
        (ORDERS, "file:shared/money.py"),
        ("file:shared/money.py", "file:shared/__init__.py"),
        ("file:shared/money.py", "file:shared/rates.py"),
        ("file:shared/money.py", "lib:db"),
    }


def test_a_script_at_the_root_of_a_package_that_is_in_no_project_counts_its_parents() -> None:
    files = {**PLAIN, "libs/__init__.py": "", "services/orders/app.py": "import libs.db"}
    assert links(graph_of(files)) == {(ORDERS, "lib:db"), (ORDERS, "file:libs/__init__.py")}


def test_a_stub_counts_like_its_module() -> None:
    files = {**PLAIN, "shared/money.py": "", "shared/money.pyi": "", "services/orders/app.py": "import shared.money"}
    assert links(graph_of(files)) == {(ORDERS, "file:shared/money.py"), (ORDERS, "file:shared/money.pyi")}


def test_a_file_beside_a_script_is_meant_rather_than_one_of_another_service() -> None:
    files = {
        "services/orders/app.py": "",
        "services/orders/jobs/run.py": "import utils",
        "services/users/pyproject.toml": "[project]\nname = 'users'",
        "services/users/app.py": "",
        "services/users/utils.py": "",
    }
    assert links(graph_of(files)) == {(ORDERS, "service:users")}
    assert links(graph_of({**files, "services/orders/jobs/utils.py": ""})) == set()


def test_a_folder_of_the_same_name_that_is_no_package_hides_no_lib() -> None:
    files = {**PLAIN, "services/orders/app.py": "import db", "services/orders/db/migrations/one.py": ""}
    assert links(graph_of(files)) == {(ORDERS, "lib:db")}


def test_a_package_that_is_made_when_a_lib_is_built_has_the_name_of_its_distribution() -> None:
    files = {
        **PLAIN,
        "services/orders/app.py": "from acme_protos.v1 import orders_pb2",
        "libs/protos/pyproject.toml": "[project]\nname = 'acme-protos'",
        "libs/protos/orders.proto": "",
    }
    assert links(graph_of(files)) == {(ORDERS, "lib:protos")}


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("from users.models import User", "models.py"),
        ("from users import models", "models.py"),
        ("import users", "__init__.py"),
        ("from users.tests.helpers import user", "tests/helpers.py"),
    ],
)
def test_the_folder_that_services_lie_in_may_be_on_the_path(source: str, file: str) -> None:
    files = {**PLAIN, "services/orders/app.py": source}
    assert links(graph_of({**files, f"services/users/{file}": ""})) == {(ORDERS, "service:users")}
    assert links(graph_of(files)) == set()  # some other package of this name


def test_so_may_be_the_folder_of_a_lib_without_a_package() -> None:
    files = {**PLAIN, "services/orders/app.py": "import money.eu.rates", "libs/money/eu/rates.py": ""}
    assert links(graph_of(files)) == {(ORDERS, "lib:money")}


def test_so_may_be_any_folder_of_files_in_no_project() -> None:
    files = {
        **PLAIN,
        "services/orders/app.py": "import sys\nsys.path.append('../../shared')\nimport money",
        "shared/money.py": "import db",
        "other/sys.py": "",
    }
    assert "lib:db" in graph_of(files).closure({ORDERS})
    assert links(graph_of({**files, "services/orders/money.py": ""})) == set()


@pytest.mark.parametrize("conftest", ["conftest.py", "services/conftest.py"])
def test_tests_need_what_the_conftest_above_them_imports(conftest: str) -> None:
    files = {
        **PLAIN,
        conftest: "import pytest\nfrom db.testing import connection",
        "services/orders/tests/test_app.py": "",
    }
    node = f"file:{conftest}"
    assert links(graph_of(files)) == {(ORDERS, node), (node, "lib:db")}
    assert links(graph_of({**files, conftest: "import pytest"})) == set()
