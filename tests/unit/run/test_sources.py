"""What a service is made of, and whom it calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant.topology import Workspace, load_workspace
from decant_tools.run.sources import Sources, starts_after
from decant_tools.run.watch import Watcher

FILES = {
    "decant.toml": '[workspace]\nname = "shop"\nmodules = "shop"\ntopology = "services"\n'
    '[services.bank]\ncommand = "python -m bank --port $PORT"\n',
    "shop/__init__.py": "",
    "shop/money.py": "",
    "shop/cart/__init__.py": "",
    "shop/cart/api.py": "from decant import Contract, Event\nfrom shop.money import *\n"
    "class Cart(Contract): ...\nclass Filled(Event): ...\n",
    "shop/cart/service.py": "from .api import Cart\n",
    "shop/orders/__init__.py": "",
    "shop/orders/service.py": "def make():\n    from shop.cart.api import Cart\n",
    "shop/mail/__init__.py": "",
    "shop/mail/handlers.py": "from shop.cart.api import Filled\n",
    "shop/mail/templates/mail/letter.html": "",
    "shop/templates/base.html": "",
    "bank/__init__.py": "",
    "bank/__main__.py": "from bank.ledger import x\n",
    "bank/ledger.py": "",
    "unused.py": "",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_workspace(tmp_path / "decant.toml", environ={})


def files(workspace: Workspace, service: str) -> set[str]:
    found = Sources(workspace).files_of(workspace.service(service))
    return {str(path.relative_to(workspace.root)) for path in found}


INITS = {"shop/__init__.py", "shop/cart/__init__.py", "shop/orders/__init__.py", "shop/mail/__init__.py"}


def test_a_service_is_its_modules_and_what_they_import(workspace: Workspace) -> None:
    assert files(workspace, "orders") == INITS | {"shop/orders/service.py", "shop/cart/api.py", "shop/money.py"}
    assert files(workspace, "cart") == INITS | {"shop/cart/api.py", "shop/cart/service.py", "shop/money.py"}


def test_templates_belong_to_a_service_and_shared_ones_to_those_with_pages(workspace: Workspace) -> None:
    assert {"shop/mail/templates/mail/letter.html", "shop/templates/base.html"} <= files(workspace, "mail")
    assert "shop/templates/base.html" not in files(workspace, "orders")


def test_a_foreign_service_is_the_package_that_its_command_runs(workspace: Workspace) -> None:
    assert files(workspace, "bank") == {"bank/__init__.py", "bank/__main__.py", "bank/ledger.py"}


def test_who_imports_a_contract_needs_its_service_and_who_hears_an_event_does_not(workspace: Workspace) -> None:
    needs = Sources(workspace).needs(workspace.services())
    assert needs == {"cart": frozenset(), "mail": frozenset(), "orders": {"cart"}, "bank": frozenset()}


def test_services_that_need_each_other_start_together() -> None:
    needs = {"a": frozenset("b"), "b": frozenset("a"), "c": frozenset("a"), "d": frozenset("c")}
    assert starts_after(needs) == {"a": frozenset(), "b": frozenset(), "c": {"a"}, "d": {"c"}}


def watcher(workspace: Workspace, said: list[str]) -> Watcher:
    return Watcher(workspace.root, Sources(workspace), workspace.services(), said.append)


def test_only_services_made_of_a_changed_file_are_restarted(workspace: Workspace) -> None:
    said: list[str] = []
    watch = watcher(workspace, said)
    assert watch.services_of([str(workspace.root / "shop/orders/service.py")]) == ["orders"]
    assert watch.services_of([str(workspace.root / "shop/money.py")]) == ["cart", "mail", "orders"]
    assert watch.services_of([str(workspace.root / "unused.py")]) == []
    assert said[0] == "shop/orders/service.py changed: restarting orders"


def test_a_syntax_error_keeps_the_old_process_until_it_is_gone(workspace: Workspace) -> None:
    said: list[str] = []
    watch, path = watcher(workspace, said), workspace.root / "shop/orders/service.py"
    path.write_text("def f(:\n")
    assert watch.services_of([str(path)]) == []
    assert said[-1].endswith(f"{path}:1: invalid syntax")
    inits = [str(workspace.root / "shop/orders/__init__.py")]
    assert watch.services_of(inits) == ["cart", "mail"], "orders still has the error"
    path.write_text("x = 1\n")
    assert watch.services_of([str(path)]) == ["orders"]


def test_a_change_of_settings_says_what_to_do(workspace: Workspace) -> None:
    said: list[str] = []
    assert watcher(workspace, said).services_of([str(workspace.root / "decant.toml")]) == []
    assert "`decant restart`" in said[0]
