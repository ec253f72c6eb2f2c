"""Migrations on three kinds of databases: there and back, half-way, and with somebody else's tables beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant import create_app
from decant.db import (
    MigrationFailed,
    Migrations,
    ModuleBase,
    ModuleDatabase,
    assert_no_drift,
    assert_reversible,
    infrastructure_of,
)
from decant.errors import CommandError
from decant.service import runtime_of

EXAMPLES = Path(__file__).parents[3] / "examples"
REVISION = """
from alembic import op

revision, down_revision = "{name}", {after!r}


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
"""


@pytest.fixture
def keeps(url: str) -> bool:
    """Whether the database commits each DDL statement by itself."""
    return url.startswith("mysql")


@pytest.fixture
def migrations(url: str, tmp_path: Path) -> Iterator[Migrations]:
    database = ModuleDatabase("cart", url, foreign={"cart_items"}, strict=True)
    (tmp_path / "migrations").mkdir()
    yield Migrations(database, tmp_path / "migrations", MetaData())
    database.close()


def write(migrations: Migrations, name: str, after: str | None, upgrade: list[str], downgrade: str = "pass") -> None:
    body = "\n    ".join(f"op.execute({statement!r})" for statement in upgrade) or "pass"
    filled = REVISION.format(name=name, after=after, upgrade=body, downgrade=downgrade)
    (migrations.directory / f"{name}.py").write_text(filled)


def tables(migrations: Migrations) -> set[str]:
    own = {
        name for name in inspect(migrations.database.engine).get_table_names() if not name.startswith("cart_alembic")
    }
    return own - set(infrastructure_of("cart").metadata.tables)


@pytest.mark.parametrize(
    ("example", "module"), [("bookclub", "books"), ("bookclub", "reviews"), ("store", "auth"), ("store", "users")]
)
def test_every_revision_of_the_examples_goes_there_and_back(
    example: str, module: str, url: str, tmp_path: Path
) -> None:
    environ = {"DATABASE_URL": url, "DECANT_HOME": str(tmp_path)}
    runtime = runtime_of(create_app("*", config=EXAMPLES / example / "decant.toml", environ=environ))
    (found,) = [known for known in runtime.modules if known.name == module]
    runtime.stop(1)
    assert_reversible(found, url)
    assert_no_drift(found, url)


def test_going_back_is_one_step_or_to_a_revision(migrations: Migrations) -> None:
    for number in range(1, 5):
        before = str(number - 1) if number > 1 else None
        write(
            migrations,
            str(number),
            before,
            [f"CREATE TABLE cart_t{number} (x INT)"],
            f"op.drop_table('cart_t{number}')",
        )
    assert migrations.upgrade() == "4"
    assert migrations.downgrade() == "3"
    assert migrations.downgrade("1") == "1"
    assert tables(migrations) == {"cart_t1"}
    assert migrations.downgrade("base") is None
    assert migrations.downgrade() is None
    assert tables(migrations) == set()


def test_a_failure_half_way_says_where_and_what_is_left(migrations: Migrations, keeps: bool) -> None:
    write(migrations, "one", None, ["CREATE TABLE cart_a (x INT)"])
    write(
        migrations, "two", "one", ["CREATE TABLE cart_b (x INT)", "CREATE TABLE cart_c (x INT)", "DROP TABLE cart_no"]
    )
    with pytest.raises(MigrationFailed) as caught:
        migrations.upgrade()
    failed = caught.value
    assert (failed.module, failed.revision, failed.position, failed.statement) == (
        "cart",
        "two",
        3,
        "DROP TABLE cart_no",
    )
    assert "cart_no" in failed.detail
    assert "decant db upgrade cart" in str(failed.hint)
    assert migrations.current() == "one"
    assert failed.kept is keeps
    assert tables(migrations) == ({"cart_a", "cart_b", "cart_c"} if keeps else {"cart_a"})


def test_a_corrected_revision_goes_on_where_it_stopped(migrations: Migrations) -> None:
    done = ["CREATE TABLE cart_b (x INT)", "INSERT INTO cart_b VALUES (1)"]
    write(migrations, "two", None, [*done, "DROP TABLE cart_no", "INSERT INTO cart_b VALUES (2)"])
    with pytest.raises(MigrationFailed):
        migrations.upgrade()
    write(migrations, "two", None, [*done, "CREATE TABLE cart_c (x INT)", "INSERT INTO cart_b VALUES (2)"])
    assert migrations.upgrade() == "two"
    assert tables(migrations) == {"cart_b", "cart_c"}
    with migrations.database.engine.connect() as connection:
        assert connection.scalars(text("SELECT x FROM cart_b ORDER BY x")).all() == [1, 2]


def test_a_second_failure_goes_on_from_there(migrations: Migrations) -> None:
    steps = ["CREATE TABLE cart_b (x INT)", "CREATE TABLE cart_c (x INT)"]
    write(migrations, "two", None, [steps[0], "DROP TABLE cart_no"])
    for _ in range(2):
        with pytest.raises(MigrationFailed) as caught:
            migrations.upgrade()
        assert caught.value.position == 2
    write(migrations, "two", None, [*steps, "DROP TABLE cart_no"])
    with pytest.raises(MigrationFailed) as caught:
        migrations.upgrade()
    assert caught.value.position == 3
    write(migrations, "two", None, steps)
    assert migrations.upgrade() == "two"


def test_a_failing_downgrade_goes_on_as_well(migrations: Migrations) -> None:
    drops = "op.execute('DROP TABLE cart_b'); op.execute('DROP TABLE {}')"
    made = ["CREATE TABLE cart_b (x INT)", "CREATE TABLE cart_c (x INT)"]
    write(migrations, "one", None, made, drops.format("cart_no"))
    migrations.upgrade()
    with pytest.raises(MigrationFailed, match="decant db downgrade cart"):
        migrations.downgrade()
    assert migrations.current() == "one"
    write(migrations, "one", None, made, drops.format("cart_c"))
    assert migrations.downgrade() is None
    assert tables(migrations) == set()


def test_a_failure_between_statements_is_told_too(migrations: Migrations) -> None:
    write(migrations, "one", None, ["CREATE TABLE cart_b (x INT)"])
    path = migrations.directory / "one.py"
    path.write_text(
        path.read_text().replace("def downgrade", "    raise LookupError('no such thing')\n\n\ndef downgrade")
    )
    with pytest.raises(MigrationFailed, match="after its statement 1: no such thing"):
        migrations.upgrade()


@pytest.mark.mariadb
def test_what_was_done_must_not_be_rewritten(mariadb_url: str, tmp_path: Path) -> None:
    migrations = Migrations(ModuleDatabase("cart", mariadb_url), tmp_path, MetaData())
    write(migrations, "one", None, ["CREATE TABLE cart_b (x INT)", "DROP TABLE cart_no"])
    with pytest.raises(MigrationFailed):
        migrations.upgrade()
    write(migrations, "one", None, ["CREATE TABLE cart_b (x INT, y INT)"])
    with pytest.raises(CommandError, match="Statement 1 of revision one of module cart was changed"):
        migrations.upgrade()
    migrations.database.close()


@pytest.mark.mariadb
def test_the_other_direction_waits_for_what_stopped_half_way(mariadb_url: str, tmp_path: Path) -> None:
    migrations = Migrations(ModuleDatabase("cart", mariadb_url), tmp_path, MetaData())
    write(migrations, "one", None, ["CREATE TABLE cart_a (x INT)"], "op.drop_table('cart_a')")
    write(migrations, "two", "one", ["CREATE TABLE cart_b (x INT)", "DROP TABLE cart_no"])
    with pytest.raises(MigrationFailed):
        migrations.upgrade()
    with pytest.raises(CommandError, match="stopped half-way in revision two"):
        migrations.downgrade()
    migrations.database.close()


@pytest.mark.parametrize("act", ["upgrade", "downgrade", "revision"])
def test_a_database_newer_than_the_code_is_left_alone(migrations: Migrations, act: str) -> None:
    write(migrations, "one", None, ["CREATE TABLE cart_a (x INT)"])
    write(migrations, "two", "one", [])
    migrations.upgrade()
    (migrations.directory / "two.py").unlink()
    with pytest.raises(CommandError, match=r"stands at revision two, which is not in .* newer than the code"):
        getattr(migrations, act)(*(["more"] if act == "revision" else []))
    assert migrations.current() == "two"


@pytest.mark.parametrize("act", ["upgrade", "downgrade"])
def test_an_unknown_target_is_refused_with_the_known_ones(migrations: Migrations, act: str) -> None:
    write(migrations, "one", None, [])
    migrations.upgrade()
    with pytest.raises(CommandError, match="There are the revisions one"):
        getattr(migrations, act)("nine")


def test_the_newest_revisions_of_the_code_need_no_database(tmp_path: Path) -> None:
    migrations = Migrations(ModuleDatabase("cart", "postgresql://127.0.0.1:1/none"), tmp_path, MetaData())
    assert migrations.heads() == ()
    write(migrations, "one", None, [])
    write(migrations, "two", "one", [])
    assert (migrations.heads(), migrations.revisions()) == (("two",), ("one", "two"))


def test_the_sql_does_what_the_upgrade_does(migrations: Migrations) -> None:
    write(migrations, "one", None, ["CREATE TABLE cart_a (x INT)"])
    write(migrations, "two", "one", ["INSERT INTO cart_a VALUES (7)"])
    statements = [part.strip() for part in migrations.sql().split(";")]
    with migrations.database.engine.begin() as connection:
        for statement in statements:
            lines = "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()
            if lines and lines not in {"BEGIN", "COMMIT"}:
                connection.execute(text(lines))
    assert migrations.current() == "two"
    assert migrations.upgrade() == "two"
    assert "CREATE TABLE cart_a" not in migrations.sql(since="one")
    assert "cart_outbox" not in migrations.sql(since="one")


def items_base() -> type[DeclarativeBase]:
    class Base(ModuleBase, DeclarativeBase, module="cart_items"):
        pass

    class Line(Base):
        id: Mapped[int] = mapped_column(primary_key=True)

    return Base


def cart_base() -> type[DeclarativeBase]:
    class Base(ModuleBase, DeclarativeBase, module="cart"):
        pass

    class Items(Base):
        id: Mapped[int] = mapped_column(primary_key=True)

    return Base


def test_modules_whose_names_nest_share_a_database(url: str, tmp_path: Path) -> None:
    names = {"cart": cart_base(), "cart_items": items_base()}
    made = []
    for name, base in names.items():
        database = ModuleDatabase(name, url, foreign=names, strict=True)
        migrations = Migrations(database, tmp_path / name, base.metadata)
        migrations.revision("first tables", autogenerate=True)
        migrations.upgrade()
        made.append(migrations)
    assert [migrations.differences() for migrations in made] == [[], []]
    for migrations in made:
        walk = migrations.downgrade("base")
        assert walk is None
        assert set(migrations.metadata.tables if migrations.metadata else ()).isdisjoint(tables(migrations))
        migrations.upgrade()
        migrations.database.close()


def test_a_migration_of_another_modules_table_is_refused_in_strict_mode(migrations: Migrations) -> None:
    write(migrations, "one", None, ["CREATE TABLE cart_items_line (x INT)"])
    with pytest.raises(MigrationFailed, match="belongs to the module cart_items"):
        migrations.upgrade()
