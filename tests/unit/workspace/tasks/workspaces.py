"""A small workspace by hand: two services, two libs, two modules in a service."""

from __future__ import annotations

from collections.abc import Mapping

from decant_tools.workspace.discover.config import AffectedTable, Config, Extras
from decant_tools.workspace.model import Edge, Graph, Project
from decant_tools.workspace.tasks.definitions import Definitions
from decant_tools.workspace.tasks.inputs import Inputs
from decant_tools.workspace.tree import MemoryTree

FILES: Mapping[str, str] = {
    "decant.toml": "",
    "pyproject.toml": "[tool.black]\n[tool.pytest.ini_options]\n",
    "README.md": "",
    ".github/workflows/ci.yml": "",
    "proto/order.proto": "",
    "services/orders/app.py": "import common",
    "services/orders/requirements.txt": "flask",
    "services/orders/tests/test_app.py": "",
    "services/orders/docs/index.md": "",
    "services/users/app.py": "",
    "services/users/Makefile": "test:\n\ttrue\n",
    "libs/common/helpers.py": "import db",
    "libs/db/__init__.py": "",
    "shop/__init__.py": "",
    "shop/cart/__init__.py": "",
    "shop/cart/service.py": "from shop.stock.api import Stock",
    "shop/cart/tests/test_cart.py": "",
    "shop/stock/__init__.py": "",
    "shop/stock/api.py": "",
    "shop/stock/models.py": "",
    "tests/test_shop.py": "",
    "tests/helpers.py": "",
}
PROJECTS = (
    Project("lib", "common", "libs/common"),
    Project("lib", "db", "libs/db"),
    Project("module", "cart", "shop/cart"),
    Project("module", "stock", "shop/stock"),
    Project("service", "orders", "services/orders"),
    Project("service", "shop", "shop", modules=("cart", "stock")),
    Project("service", "users", "services/users"),
)
OWN = {
    "module:cart": ["shop/cart/__init__.py", "shop/cart/service.py", "shop/cart/tests/test_cart.py"],
    "module:stock": ["shop/stock/__init__.py", "shop/stock/api.py", "shop/stock/models.py"],
}
EDGES = (
    Edge("service:orders", "lib:common", "import", "services/orders/app.py:1"),
    Edge("lib:common", "lib:db", "import", "libs/common/helpers.py:1"),
    *(Edge(module, f"file:{path}", "holds", path) for module, paths in OWN.items() for path in paths),
    Edge("file:shop/cart/service.py", "file:shop/stock/api.py", "contract", "shop/cart/service.py:1"),
    Edge("file:shop/stock/api.py", "file:shop/stock/__init__.py", "import", "shop/stock/api.py"),
    Edge("service:shop", "module:cart", "hosts", "decant.toml"),
    Edge("service:shop", "module:stock", "hosts", "decant.toml"),
    Edge("service:shop", "file:shop/__init__.py", "ships", "shop/__init__.py"),
)
GRAPH = Graph(PROJECTS, EDGES)
CONFIG = Config(
    extras={"service:orders": Extras(files=("proto/*.proto",))},
    affected=AffectedTable(files={"schemas/*.json": ("service:users",)}),
)


def inputs_of(files: Mapping[str, str], config: Config = CONFIG, graph: Graph = GRAPH) -> Inputs:
    return Inputs(MemoryTree(files).files, graph, config.extras, config.affected)


def definitions_of(files: Mapping[str, str], config: Config = CONFIG, graph: Graph = GRAPH) -> Definitions:
    return Definitions(MemoryTree(files), graph, config, inputs_of(files, config, graph))
