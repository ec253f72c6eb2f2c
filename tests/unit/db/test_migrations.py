import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect, select, text

from decant.db import DatabaseUnavailable, Migrations, ModuleDatabase, default_url, infrastructure_of
from decant.db.locks import migration_lock
from decant.errors import CommandError, SetupError
from tests.unit.db.shelf import Base, Book, Note

RUFF = str(Path(sys.executable).with_name("ruff"))
REVISION = """
from alembic import op

revision, down_revision = "{name}", {after!r}

def upgrade():
    {upgrade}

def downgrade():
    pass
"""


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[ModuleDatabase]:
    made = ModuleDatabase("shelf", default_url(tmp_path, "shelf"))
    yield made
    made.close()


@pytest.fixture
def migrations(empty: ModuleDatabase, tmp_path: Path) -> Migrations:
    return Migrations(empty, tmp_path / "migrations", Base.metadata)


def tables(database: ModuleDatabase) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def write(migrations: Migrations, name: str, after: str | None, upgrade: str) -> None:
    migrations.directory.mkdir(exist_ok=True)
    text = REVISION.format(name=name, after=after, upgrade=upgrade)
    (migrations.directory / f"{name}.py").write_text(text)


def test_a_generated_revision_makes_the_models_tables(migrations: Migrations) -> None:
    path = migrations.revision("first tables", autogenerate=True)
    assert path.parent == migrations.directory
    migrations.upgrade()
    assert tables(migrations.database) == {
        "shelf_alembic_version",
        "shelf_book",
        "shelf_notes",
        *infrastructure_of("shelf").metadata.tables,
    }
    assert migrations.differences() == []


@pytest.mark.skipif(not Path(RUFF).exists(), reason="the environment of the lowest versions has no formatter")
@pytest.mark.parametrize("width", [88, 120])
def test_a_formatter_would_leave_a_generated_revision_alone(migrations: Migrations, width: int) -> None:
    for message in ("first tables", "Nothing to do."):
        path = migrations.revision(message, autogenerate=True)
        text = path.read_text()
        command = [RUFF, "format", "--isolated", "--quiet", "--diff", f"--line-length={width}", str(path)]
        assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""
        assert text.startswith(f'"""{message[0].upper()}{message[1:].rstrip(".")}."""\n')
        migrations.upgrade()


def test_a_generated_change_of_a_table_is_laid_out_too(migrations: Migrations) -> None:
    with migrations.database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE shelf_book (id INTEGER PRIMARY KEY NOT NULL)"))
    written = migrations.revision("titles", autogenerate=True).read_text()
    assert (
        '    with op.batch_alter_table("shelf_book", schema=None) as batch_op:\n        batch_op.add_column(' in written
    )
    assert "'" not in written


def test_current_follows_the_upgrade(migrations: Migrations) -> None:
    write(migrations, "one", None, "op.execute('CREATE TABLE shelf_a (x)')")
    assert migrations.current() is None
    assert migrations.upgrade() == "one"
    assert migrations.current() == "one"


def test_upgrading_twice_is_the_same_as_once(migrations: Migrations) -> None:
    write(migrations, "one", None, "op.execute('CREATE TABLE shelf_a (x)')")
    assert migrations.upgrade() == migrations.upgrade() == "one"


def test_tables_of_other_modules_and_of_decant_are_not_seen(migrations: Migrations) -> None:
    migrations.revision("first tables", autogenerate=True)
    migrations.upgrade()
    with migrations.database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE cart_item (x)"))
    assert migrations.differences() == []


def test_a_missing_column_is_a_difference(migrations: Migrations) -> None:
    with migrations.database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE shelf_book (id INTEGER PRIMARY KEY NOT NULL)"))
    assert any("title" in difference for difference in migrations.differences())


def test_a_failed_revision_leaves_nothing_and_those_before_it_stay(migrations: Migrations) -> None:
    write(migrations, "one", None, "op.execute('CREATE TABLE shelf_a (x)')")
    write(migrations, "two", "one", "op.execute('CREATE TABLE shelf_b (x)'); op.execute('NONSENSE')")
    with pytest.raises(Exception, match="NONSENSE"):
        migrations.upgrade()
    assert migrations.current() == "one"
    assert "shelf_b" not in tables(migrations.database)


def test_rebuilding_a_table_keeps_the_rows_that_point_at_it(migrations: Migrations) -> None:
    migrations.revision("first tables", autogenerate=True)
    first = migrations.upgrade()
    with migrations.database.transaction() as session:
        session.add(Book(id=1, title="Emma"))
        session.flush()
        session.add(Note(id=1, book_id=1))
    rebuild = 'exec(\'with op.batch_alter_table("shelf_book", recreate="always"): pass\')'
    write(migrations, "rebuild", first, rebuild)
    migrations.upgrade()
    with migrations.database.transaction() as session:
        assert session.scalars(select(Note.id)).all() == [1]
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_tables_without_a_migration_are_refused_with_the_command_that_writes_it(migrations: Migrations) -> None:
    with pytest.raises(SetupError, match="decant db revision shelf"):
        migrations.upgrade()


def test_a_module_without_tables_still_gets_outbox_and_inbox(empty: ModuleDatabase, tmp_path: Path) -> None:
    assert Migrations(empty, tmp_path / "none", MetaData()).upgrade() is None
    assert {"shelf_outbox", "shelf_inbox"} <= tables(empty)


def test_generating_from_an_old_database_says_to_upgrade_first(migrations: Migrations) -> None:
    write(migrations, "one", None, "op.execute('CREATE TABLE shelf_a (x)')")
    with pytest.raises(CommandError, match="decant db upgrade shelf"):
        migrations.revision("more", autogenerate=True)


def test_several_starters_migrate_once(migrations: Migrations) -> None:
    write(migrations, "one", None, "op.execute('CREATE TABLE shelf_a (x)')")
    stands: list[str | None] = []
    starters = [threading.Thread(target=lambda: stands.append(migrations.upgrade())) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert stands == ["one"] * 4


def test_a_lock_that_is_not_given_back_in_time_is_an_error(empty: ModuleDatabase) -> None:
    with (
        empty.engine.connect() as connection,
        migration_lock(connection, "shelf", 1),
        pytest.raises(DatabaseUnavailable, match="locked"),
        migration_lock(connection, "shelf", 0.05),
    ):
        pass
