from __future__ import annotations

from tests.unit.workspace.assemble.graphs import edges, found, graph_of, links

SHOP = {
    "decant.toml": '[workspace]\nname = "shop"\nmodules = "shop"\n',
    "shop/__init__.py": "",
    "shop/money.py": "",
    "shop/static/shop.css": "",
    "shop/templates/base.html": "",
    "wsgi.py": "from shop import money",
    "shop/catalog/__init__.py": "",
    "shop/catalog/api.py": "from decant import Contract, Event\nclass Catalog(Contract): ...\nclass Sold(Event): ...\nclass Product: ...\n",
    "shop/catalog/service.py": "from shop.catalog.api import Catalog\nclass CatalogService(Catalog): ...\n",
    "shop/catalog/models.py": "",
    "shop/catalog/templates/x.html": "",
    "shop/orders/__init__.py": "",
    "shop/orders/service.py": "from shop.catalog.api import Catalog, Sold\nfrom shop import money\n",
    "shop/orders/views.py": "from ..catalog.api import Product\nfrom .service import f\n",
}


def test_a_module_holds_its_python_files() -> None:
    assert {target for target, *_ in edges(graph_of(SHOP), "module:orders", "holds")} == {
        "file:shop/orders/__init__.py",
        "file:shop/orders/service.py",
        "file:shop/orders/views.py",
    }


def test_a_service_hosts_its_modules_and_ships_what_is_shared() -> None:
    graph = graph_of(SHOP, topology="services")
    assert [target for target, *_ in edges(graph, "service:orders", "hosts")] == ["module:orders"]
    assert {target for target, *_ in edges(graph, "service:orders", "ships")} == {
        "file:shop/__init__.py",
        "file:shop/money.py",
        "file:shop/static/shop.css",
        "file:shop/templates/base.html",
        "file:shop/catalog/__init__.py",
        "file:wsgi.py",
    }


def test_imports_lead_from_file_to_file_through_every_package_above() -> None:
    assert edges(graph_of(SHOP), "file:shop/orders/service.py") == [
        ("file:shop/__init__.py", "import", "shop/orders/service.py:1"),
        ("file:shop/catalog/__init__.py", "import", "shop/orders/service.py:1"),
        ("file:shop/catalog/api.py", "contract", "shop/orders/service.py:1"),
        ("file:shop/catalog/api.py", "event", "shop/orders/service.py:1"),
        ("file:shop/money.py", "import", "shop/orders/service.py:2"),
    ]


def test_other_names_of_a_contract_s_file_and_relative_imports_are_plain_imports() -> None:
    assert edges(graph_of(SHOP), "file:shop/orders/views.py") == [
        ("file:shop/__init__.py", "import", "shop/orders/views.py:1"),
        ("file:shop/catalog/__init__.py", "import", "shop/orders/views.py:1"),
        ("file:shop/catalog/api.py", "import", "shop/orders/views.py:1"),
        ("file:shop/orders/__init__.py", "import", "shop/orders/views.py:2"),
        ("file:shop/orders/service.py", "import", "shop/orders/views.py:2"),
    ]


def test_the_inside_of_a_module_concerns_nobody_but_its_service() -> None:
    graph = graph_of(SHOP, topology="services")
    affected = graph.dependents({"file:shop/catalog/models.py"}) & set(graph.projects)
    assert affected == {"module:catalog", "service:catalog"}
    affected = graph.dependents({"file:shop/catalog/api.py"}) & set(graph.projects)
    assert affected == {"module:catalog", "service:catalog", "module:orders", "service:orders"}


def test_contracts_and_events_are_known_through_other_files() -> None:
    files = {
        **SHOP,
        "shop/events.py": "from decant import Event\nclass ShopEvent(Event): ...\n",
        "shop/catalog/api.py": "from shop.events import ShopEvent\nclass Sold(ShopEvent): ...\n",
        "shop/catalog/__init__.py": "from .api import *\nfrom .api import Sold\n",
        "shop/orders/service.py": "from shop.catalog import Sold\n",
        "shop/orders/views.py": "from shop.catalog.service import CatalogService\n",
    }
    graph = graph_of(files)
    assert ("file:shop/orders/service.py", "file:shop/catalog/__init__.py") in links(graph, "event")
    assert not links(graph, "contract")


def test_names_that_lead_back_to_themselves_end() -> None:
    files = {
        **SHOP,
        "shop/catalog/api.py": "from shop.orders.api import X\nclass Y(X): ...\n",
        "shop/orders/api.py": "from shop.catalog.api import X, Y\n",
    }
    assert ("file:shop/orders/api.py", "file:shop/catalog/api.py") in links(graph_of(files), "import")


def test_a_module_may_need_a_lib_and_a_lib_a_contract() -> None:
    files = {
        **SHOP,
        "libs/rates/__init__.py": "from shop.catalog.api import Catalog",
        "shop/orders/views.py": "import rates",
    }
    graph = graph_of(files)
    assert ("file:shop/orders/views.py", "lib:rates") in links(graph, "import")
    assert ("lib:rates", "file:shop/catalog/api.py") in links(graph, "contract")
    assert found(graph, "undeclared-import") == [("undeclared-import", "shop/orders/views.py:1")]


def test_a_package_below_src_is_the_same() -> None:
    files = {(f"src/{path}" if path.startswith("shop/") else path): text for path, text in SHOP.items()}
    graph = graph_of(files)
    assert ("file:src/shop/orders/service.py", "file:src/shop/catalog/api.py") in links(graph, "contract")
    assert ("service:shop", "file:src/shop/money.py") in links(graph, "ships")
