"""Mistakes in a workspace, told by the real command: one clear error, the fix, the right exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.three_modules import write_shop

DECANT = str(Path(sys.executable).with_name("decant"))


def decant(root: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """Run ``decant`` in a folder; return its exit code and what it says on stderr."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DECANT_", "OTEL_", "FLASK_"))}
    done = subprocess.run(
        [DECANT, *arguments],
        check=False, cwd=root, env=kept | {"NO_COLOR": "1"} | env, timeout=30, text=True, capture_output=True,
    )  # fmt: skip
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr
    return done.returncode, done.stderr


def test_a_workspace_of_three_modules_needs_no_more_than_its_files(tmp_path: Path) -> None:
    assert decant(write_shop(tmp_path), "routes") == (0, "")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("cart/service.py", "def cart(:\n", "shop/cart/service.py:1: SyntaxError: invalid syntax"),
        (
            "cart/service.py",
            "x = 1\nimport no_such_thing\n",
            "shop/cart/service.py:2: ModuleNotFoundError: No module named",
        ),
        ("cart/api.py", "x = 1\ny = undefined\n", "shop/cart/api.py:2: NameError: name 'undefined' is not defined"),
        ("cart/__init__.py", "from decant import Modul\n", "shop/cart/__init__.py:1: ImportError: cannot import name"),
        ("web/urls.py", "urlpatterns = 3\n", "InvalidURLPattern: The urlpatterns of the module 'web' are 3"),
        ("web/urls.py", 'urlpatterns = ["/"]\n', "InvalidURLPattern: The urlpatterns of the module 'web' hold '/'"),
        ("web/urls.py", 'from decant import url\nurl("", print)\n', "shop/web/urls.py:2: InvalidURLRule: The rule"),
    ],
)
def test_a_mistake_in_a_modules_code_names_its_file_and_line(tmp_path: Path, file: str, text: str, said: str) -> None:
    code, told = decant(write_shop(tmp_path, {file: text}), "routes")
    assert code == 3
    assert told.count("error[") == 1
    assert said in told
    assert "help: The traceback is in" in told or "urlpatterns" in told


@pytest.mark.parametrize("verb", ["routes", "shell -c 1", "db upgrade", "serve --bind 127.0.0.1:0"])
def test_every_verb_refuses_a_module_that_forgot_an_operation(tmp_path: Path, verb: str) -> None:
    service = "from shop.catalog.api import Catalog\n\n\nclass CatalogService(Catalog):\n    pass\n"
    code, told = decant(write_shop(tmp_path, {"catalog/service.py": service}), *verb.split())
    assert (code, told.count("error[")) == (3, 1), told
    assert "CatalogService does not implement Catalog: it leaves out" in told


CLASHING = """
    from decant import Contract, get


    class Cart(Contract):
        @get("/products/<key>", public=True)
        def show(self, key: str) -> int: ...
"""
CLASHING_SERVICE = """
    from shop.cart.api import Cart


    class CartService(Cart):
        def show(self, key: str) -> int:
            return 1
"""


@pytest.mark.parametrize("arguments", [("routes",), ("routes", "cart", "-t", "services"), ("serve",)])
def test_two_modules_cannot_own_one_path_in_any_grouping(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    root = write_shop(
        tmp_path,
        {"cart/api.py": CLASHING, "cart/service.py": CLASHING_SERVICE, "web/urls.py": "urlpatterns = []\n"},
    )
    code, told = decant(root, *arguments)
    assert code == 3
    assert "GET /api/products/<" in told
    assert "'cart'" in told
    assert "'catalog'" in told


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("catalog", "its parameter `catalog` has no annotation"),
        ("catalog: Catalog, stock: dict", "nothing provides its parameter `stock: dict`"),
        ("catalog: Katalog", "Katalog"),
    ],
)
def test_what_cannot_be_injected_is_told_at_start(tmp_path: Path, parameter: str, said: str) -> None:
    service = f"""
        from shop.cart.api import Cart
        from shop.catalog.api import Catalog, Product


        class CartService(Cart):
            def __init__(self, {parameter}) -> None: ...

            def show(self) -> list[Product]:
                return []
    """
    code, told = decant(write_shop(tmp_path, {"cart/service.py": service}), "routes")
    assert (code, told.count("error[")) == (3, 1), told
    assert "CartService" in told or "shop/cart/service.py:6" in told
    assert said in told


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[workspace\n", "decant.toml:1:"),
        ('[workspace]\nname = "shop"\nmodules = "shop"\nprefx = "/api"\n', "decant.toml:4: unknown key 'prefx'"),
        ('[workspace]\nname = "shop"\nmodules = "shup"\n', "decant.toml:3: workspace.modules is not there"),
        (
            '[workspace]\nname = "shop"\nmodules = "shop"\n[topologies.x]\nfront = ["catlog", "*"]\n',
            "decant.toml:5: there is no module 'catlog'. Did you mean 'catalog'?",
        ),
        ('[workspace]\nname = "shop"\nmodules = "shop"\n[settings.cart]\nlimit = 3\n', "decant.toml:5"),
    ],
)
@pytest.mark.parametrize("verb", ["routes", "run", "serve"])
def test_a_mistake_in_the_workspaces_file_names_its_line(tmp_path: Path, toml: str, said: str, verb: str) -> None:
    root = write_shop(tmp_path)
    (root / "decant.toml").write_text(toml)
    code, told = decant(root, verb)
    assert (code, told.count("error[")) == (3, 1), told
    assert said in told


@pytest.mark.parametrize("verb", ["run", "serve", "routes", "topology", "config", "shell", "db upgrade"])
def test_outside_of_a_workspace_every_verb_says_so(tmp_path: Path, verb: str) -> None:
    code, told = decant(tmp_path, *verb.split())
    assert (code, told.count("error[")) == (3, 1), told
    assert "There is no decant.toml in" in told
    assert "-C DIR" in told


@pytest.mark.parametrize("verb", ["run", "serve", "routes"])
def test_a_wrong_service_is_answered_with_those_there_are(tmp_path: Path, verb: str) -> None:
    root = write_shop(tmp_path)
    assert decant(root, verb, "cat", "-t", "services")[0] == 3
    assert "Did you mean 'cart'?" in decant(root, verb, "cat", "-t", "services")[1]


@pytest.mark.parametrize("verb", ["run", "serve"])
def test_of_several_services_one_has_to_be_named(tmp_path: Path, verb: str) -> None:
    code, told = decant(write_shop(tmp_path), verb, "-t", "services")
    assert code == 3
    assert "cart, catalog, web" in told


def test_a_folder_for_run_time_state_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, told = decant(write_shop(tmp_path / "shop"), "routes", DECANT_HOME=str(tmp_path / "file" / "home"))
    assert (code, told.count("error[")) == (3, 1), told
    assert "DECANT_HOME" in told


@pytest.mark.parametrize(
    ("package", "arguments", "said"),
    [
        ("granian", ["serve"], "granian is not installed.\nhelp: Install it with: pip install 'flask-decant[serve]'"),
        ("gunicorn", ["serve", "--server", "gunicorn"], "pip install 'flask-decant[gunicorn]'"),
        ("pyreqwest", ["routes", "cart", "-t", "services"], "pyreqwest is not installed.\nhelp: Install it with: pip"),
        ("jwt", ["routes", "cart", "-t", "services"], "pyjwt is not installed.\nhelp: Install it with: pip install"),
        ("cryptography", ["routes", "cart", "-t", "services"], "pip install 'flask-decant[auth]'"),
        ("sqlalchemy", ["routes"], "pip install 'flask-decant[db]'"),
        ("alembic", ["db", "upgrade"], "alembic is not installed.\nhelp: Install it with: pip install"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, package: str, arguments: list[str], said: str
) -> None:
    (tmp_path / "blocker").mkdir()
    (tmp_path / "blocker" / "sitecustomize.py").write_text(
        "import os, sys\nsys.modules[os.environ['BLOCKED']] = None\n"
    )
    models = """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        from decant.db import ModuleBase


        class Base(ModuleBase, DeclarativeBase, module="catalog"):
            pass


        class Row(Base):
            __tablename__ = "catalog_row"

            id: Mapped[int] = mapped_column(primary_key=True)
    """
    tables = {"catalog/models.py": models, "catalog/migrations/0001.py": "revision = '1'\n"}
    root = write_shop(tmp_path / "shop", tables if package in ("sqlalchemy", "alembic") else {})
    code, told = decant(root, *arguments, PYTHONPATH=str(tmp_path / "blocker"), BLOCKED=package)
    assert (code, told.count("error[")) == (6, 1), told
    assert said in told
