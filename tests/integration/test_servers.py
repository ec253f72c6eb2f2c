"""The servers that tests may ask for."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect, text


def check_empty_database(url: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            assert inspect(connection).get_table_names() == []
            connection.execute(text("CREATE TABLE note (id integer)"))
    finally:
        engine.dispose()


def test_postgres_gives_each_test_an_empty_database(postgres_url: str) -> None:
    check_empty_database(postgres_url)


def test_mariadb_gives_each_test_an_empty_database(mariadb_url: str) -> None:
    check_empty_database(mariadb_url)
