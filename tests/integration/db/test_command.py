"""`decant db` on a workspace of its own, as a person uses it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    "decant.toml": '[workspace]\nname = "shop"\nmodules = "shop"\n\n[topologies.apart]\n"*" = "each"\n',
    "shop/__init__.py": "",
    "shop/cart/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
    "shop/cart/models.py": """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="cart"):
    pass


class Item(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
""",
    "shop/pages/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
}

Db = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def db(shop: Path) -> Db:
    environ = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
    environ["DECANT_HOME"] = str(shop / "home")
    program = [sys.executable, "-c", "from decant.cli.main import main; main()", "db"]

    def run(*args: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *args], cwd=shop, env=environ | more, capture_output=True, text=True, check=False
        )

    return run


def test_from_models_to_tables(db: Db, shop: Path) -> None:
    assert db("current").stdout == "cart: empty\n"
    written = db("revision", "cart", "-m", "first tables", "--autogenerate")
    assert written.returncode == 0, written.stderr
    path = Path(written.stdout.strip())
    assert path.parent == shop / "shop" / "cart" / "migrations"
    assert "cart_item" in path.read_text()
    assert db("check").returncode == 1
    assert db("upgrade").returncode == 0
    assert db("check").stdout == "cart: in step\n"
    assert db("current", "cart").stdout == f"cart: {path.name.partition('_')[0]}\n"


def test_tables_without_a_migration_are_refused_with_the_command_that_writes_it(db: Db) -> None:
    refused = db("upgrade")
    assert refused.returncode != 0
    assert 'decant db revision cart -m "first tables" --autogenerate' in refused.stderr


def test_an_unknown_module_is_refused_with_the_known_ones(db: Db) -> None:
    refused = db("upgrade", "crat")
    assert refused.returncode == 4
    assert "crat" in refused.stderr
    assert "There are: cart." in refused.stderr


def test_a_revision_to_go_to_needs_one_module(db: Db) -> None:
    assert db("upgrade", "--revision", "base").returncode == 2


def test_back_and_forth(db: Db) -> None:
    written = Path(db("revision", "cart", "-m", "first tables", "--autogenerate").stdout.strip())
    revision = written.name.partition("_")[0]
    assert db("heads").stdout == f"cart: {revision}\n"
    assert db("upgrade").returncode == 0
    assert db("downgrade", "cart", "-1").stdout == "cart: empty\n"
    assert db("upgrade", "cart").returncode == 0
    assert db("downgrade", "cart", "base").stdout == "cart: empty\n"


def test_the_sql_of_an_upgrade_is_written_out(db: Db) -> None:
    db("revision", "cart", "-m", "first tables", "--autogenerate")
    written = db("sql")
    assert written.returncode == 0, written.stderr
    assert written.stdout.startswith("-- cart\n")
    assert "CREATE TABLE cart_item" in written.stdout
    assert db("sql", "--since", "base").returncode == 2


def test_a_failing_revision_is_told_without_a_traceback(db: Db) -> None:
    written = Path(db("revision", "cart", "-m", "first tables", "--autogenerate").stdout.strip())
    written.write_text(
        written.read_text().replace("def upgrade() -> None:", "def upgrade() -> None:\n    op.execute('NO')")
    )
    failed = db("upgrade")
    assert failed.returncode == 1
    assert "failed at its statement 1, 'NO'" in failed.stderr
    assert "Traceback" not in failed.stderr


STOCK_API = """
from decant import Contract, get


class Stock(Contract):
    @get("/stock")
    def count(self) -> int:
        ...
"""


@pytest.fixture
def pruned(shop: Path, db: Db) -> Path:
    """Return the workspace as it is in an image of ``cart``: of ``stock`` there is only what others see of it."""
    assert db("revision", "cart", "-m", "first tables", "--autogenerate").returncode == 0
    stock = shop / "shop" / "stock"
    stock.mkdir()
    (stock / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    (stock / "api.py").write_text(STOCK_API)
    return shop


def test_one_service_is_migrated_where_only_its_modules_are(db: Db, pruned: Path) -> None:
    refused = db("upgrade")
    assert "no service implements it" in refused.stderr
    done = db("upgrade", "--service", "cart", "--topology", "apart")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cart: ")
    assert db("check", "--service", "cart", "-t", "apart").stdout == "cart: in step\n"
    assert db("seed", "--service", "cart", "-t", "apart").returncode == 0


def test_the_service_is_that_of_the_environment(db: Db, pruned: Path) -> None:
    in_image = {"DECANT_SERVICE": "cart", "DECANT_TOPOLOGY": "apart"}
    assert db("upgrade", **in_image).stdout.startswith("cart: ")
    assert db("upgrade", "cart", **in_image).stdout.startswith("cart: ")
    elsewhere = db("upgrade", "stock", **in_image)
    assert (elsewhere.returncode, "There are: cart." in elsewhere.stderr) == (4, True)


def test_a_service_that_there_is_not_is_refused(db: Db) -> None:
    refused = db("upgrade", "--service", "crat", "-t", "apart")
    assert refused.returncode == 3
    assert "crat" in refused.stderr
    assert "cart" in refused.stderr


def test_a_star_is_every_module(db: Db) -> None:
    assert db("current", DECANT_SERVICE="*").stdout == "cart: empty\n"
    assert db("current", "--service", "*").stdout == "cart: empty\n"
