from sqlalchemy import create_engine, inspect, select, text

from decant.db import create_infrastructure, infrastructure_of


def test_tables_of_an_earlier_version_get_the_columns_that_they_lack() -> None:
    engine = create_engine("sqlite://")
    outbox = infrastructure_of("shelf").outbox
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE shelf_outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, "
                "type TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL)"
            )
        )
        connection.execute(text("INSERT INTO shelf_outbox (id, type, key, payload) VALUES ('1', 'a.b', '', 'x')"))
        create_infrastructure(connection, "shelf")
        assert connection.execute(select(outbox.c.id, outbox.c.state)).all() == [("1", "pending")]
        assert set(infrastructure_of("shelf").metadata.tables) <= set(inspect(connection).get_table_names())
    engine.dispose()


def test_making_what_is_there_changes_nothing() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        create_infrastructure(connection, "shelf")
        create_infrastructure(connection, "shelf")
    engine.dispose()
