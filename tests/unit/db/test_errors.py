import pickle
import sqlite3

import pytest
from pymysql import OperationalError as MySQLError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from decant.db import DatabaseUnavailable, ModuleDatabase, unavailable


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorname = name
    return error


class Postgres(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (sqlite_error("SQLITE_BUSY"), "locked"),
        (sqlite_error("SQLITE_BUSY_SNAPSHOT"), "conflict"),
        (sqlite_error("SQLITE_READONLY_DIRECTORY"), "read-only"),
        (sqlite_error("SQLITE_FULL"), "full"),
        (sqlite_error("SQLITE_CANTOPEN"), "unreachable"),
        (sqlite_error("SQLITE_ERROR"), None),
        (Postgres("40P01"), "conflict"),
        (Postgres("57P01"), "unreachable"),
        (Postgres("53300"), "busy"),
        (Postgres("42P01"), None),
        (Postgres("28P01"), "refused"),
        (MySQLError(1045, "denied"), "refused"),
        (MySQLError(1049, "unknown database"), "missing"),
        (MySQLError(2003, "refused"), "unreachable"),
        (MySQLError(1213, "deadlock"), "conflict"),
        (MySQLError(1020, "Record has changed since last read"), "conflict"),
        (MySQLError(1146, "no such table"), None),
    ],
)
def test_causes_are_told_apart(cause: Exception, reason: str | None) -> None:
    found = unavailable(OperationalError("SELECT 1", None, cause), "shelf")
    assert (found.reason if found else None) == reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ('connection failed: FATAL:  database "shop" does not exist', "missing"),
        ('connection failed: FATAL:  role "bob" does not exist', "refused"),
        ('connection failed: FATAL:  password authentication failed for user "bob"', "refused"),
        ("connection failed: fe_sendauth: no password supplied", "refused"),
        ("connection failed: FATAL:  sorry, too many clients already", "busy"),
        ("connection failed: FATAL:  the database system is starting up", "unreachable"),
        ("connection failed: Connection refused", "unreachable"),
    ],
)
def test_why_postgres_lets_nobody_in_is_told_by_its_words(words: str, reason: str) -> None:
    import psycopg

    found = unavailable(OperationalError("", None, psycopg.OperationalError(words)), "shelf")
    assert found is not None
    assert found.reason == reason


def test_a_violated_constraint_is_not_an_outage() -> None:
    assert unavailable(IntegrityError("INSERT", None, sqlite_error("SQLITE_CONSTRAINT_UNIQUE"))) is None


def test_a_pool_without_a_free_connection_is_busy(tmp_path: object) -> None:
    database = ModuleDatabase("shelf", f"sqlite:///{tmp_path}/x", pool_size=1, max_overflow=0, pool_timeout_s=0.01)
    with database.engine.connect(), pytest.raises(DatabaseUnavailable, match="no free connection"):
        database.check()
    database.close()


def test_what_is_no_database_error_is_none() -> None:
    assert unavailable(ValueError("x")) is None
    assert unavailable(PoolTimeout()) is not None


def test_it_survives_pickling() -> None:
    copy = pickle.loads(pickle.dumps(DatabaseUnavailable("shelf", "full", may_have_run=True)))
    assert (copy.module, copy.reason, copy.may_have_run) == ("shelf", "full", True)
