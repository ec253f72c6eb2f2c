"""``decant affected`` in a workspace of modules: the inside of one does not touch those who know its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import Answer, Monorepo

SETTINGS = """
[workspace]
name = "shop"
modules = "shop"
topology = "monolith"
[topologies.monolith]
shop = ["*"]
[topologies.services]
"*" = "each"
[topologies.pair]
front = ["cart", "catalog"]
back = ["*"]
"""
CONTRACT = "from decant import Contract, Event\nclass Catalog(Contract):\n    pass\nclass Sold(Event):\n    pass\n"


class Shop(Monorepo):
    """Cart uses the contract of catalog, mail its event; stock is alone."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.git("rm", "-rq", "services", "libs")
        self.write(
            {
                "decant.toml": SETTINGS,
                "pyproject.toml": "[project]\nname = 'shop'\nversion = '1'\n",
                "shop/__init__.py": "",
                "shop/wsgi.py": "import decant\n",
                "shop/templates/base.html": "x",
            }
        )
        for name in ("cart", "catalog", "mail", "stock"):
            self.write(
                {
                    f"shop/{name}/__init__.py": "",
                    f"shop/{name}/service.py": "x = 1\n",
                    f"shop/{name}/templates/a.html": "x",
                }
            )
        self.write(
            {
                "shop/catalog/api.py": CONTRACT,
                "shop/catalog/service.py": "from shop.catalog.api import Catalog\n",
                "shop/cart/service.py": "from shop.catalog.api import Catalog\n",
                "shop/mail/handlers.py": "from shop.catalog.api import Sold\n",
            }
        )
        self.base = self.commit()

    def judge(self, *files: str, topology: str = "services") -> set[tuple[str, str]]:
        return _ids(self.ask("--json", "--topology", topology, "--files", *files))


def _ids(answer: Answer) -> set[tuple[str, str]]:
    return {(item["kind"], item["name"]) for item in answer.document["affected"]}


def both(*names: str) -> set[tuple[str, str]]:
    return {(kind, name) for name in names for kind in ("module", "service")}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop") / "repo")


@pytest.mark.parametrize("path", ["shop/catalog/service.py", "shop/catalog/templates/a.html", "shop/catalog/new.py"])
def test_the_inside_of_a_module_is_its_own_business(shop: Shop, path: str) -> None:
    assert shop.judge(path) == both("catalog")


def test_a_contract_reaches_those_who_use_it_and_those_who_hear_its_events(shop: Shop) -> None:
    assert shop.judge("shop/catalog/api.py") == both("catalog", "cart", "mail")
    why = shop.ask("--why", "mail", "--topology", "monolith", "--files", "shop/catalog/api.py")
    assert "uses an event of it" in why.out


def test_a_topology_says_which_service_that_is(shop: Shop) -> None:
    assert shop.judge("shop/catalog/service.py", topology="monolith") == {("module", "catalog"), ("service", "shop")}
    assert shop.judge("shop/mail/service.py", topology="pair") == {("module", "mail"), ("service", "back")}


@pytest.mark.parametrize("path", ["shop/templates/base.html", "shop/wsgi.py", "shop/__init__.py"])
def test_files_of_the_package_are_in_every_service(shop: Shop, path: str) -> None:
    assert {("service", name) for name in ("cart", "catalog", "mail", "stock")} <= shop.judge(path)


def test_a_module_that_changes_its_service_touches_both(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "repo")
    shop.write({"decant.toml": SETTINGS.replace('front = ["cart", "catalog"]', 'front = ["cart", "stock"]')})
    answer = shop.ask("--json", "--topology", "pair", "--base", shop.base)
    assert _ids(answer) == {("service", "front"), ("service", "back")}
    assert _ids(shop.ask("--json", "--topology", "services", "--base", shop.base)) == set()


def test_another_topology_by_default_touches_what_it_hosts_otherwise(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "repo")
    shop.write({"decant.toml": SETTINGS.replace('topology = "monolith"', 'topology = "services"')})
    answer = shop.ask("--json", "--base", shop.base)
    assert _ids(answer) == {("service", name) for name in ("cart", "catalog", "mail", "stock")}
    assert "service shop does not exist any more" in answer.err


def test_a_module_is_deleted_and_another_still_imports_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "repo")
    shop.write({"decant.toml": SETTINGS.partition("[topologies.pair]")[0]})
    shop.base = shop.commit()
    shop.git("rm", "-rq", "shop/catalog")
    assert _ids(shop.ask("--json", "--topology", "services", "--base", shop.base)) >= both("cart", "mail")
