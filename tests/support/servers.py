"""Pytest plugin: addresses of real servers; a database is made for each test and dropped after it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.needs import NEEDS

WHERE = {need.marker: need.where for need in NEEDS}


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Make an empty PostgreSQL database and return its SQLAlchemy URL."""
    with postgres_database() as url:
        yield url


@contextmanager
def postgres_database() -> Iterator[str]:
    """Lend an empty PostgreSQL database, for fixtures that live longer than a test."""
    import psycopg

    where, name = WHERE["postgres"](), f"decant_test_{secrets.token_hex(6)}"
    user = os.environ.get("DECANT_TEST_POSTGRES_USER", "postgres")
    with psycopg.connect(f"postgresql://{user}@{where}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"postgresql+psycopg://{user}@{where}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """Make an empty MariaDB database and return its SQLAlchemy URL."""
    with mariadb_database() as url:
        yield url


@contextmanager
def mariadb_database() -> Iterator[str]:
    """Lend an empty MariaDB database, for fixtures that live longer than a test."""
    import pymysql

    where, name = WHERE["mariadb"](), f"decant_test_{secrets.token_hex(6)}"
    host, _, port = where.rpartition(":")
    admin = pymysql.connect(host=host, port=int(port), user="root", autocommit=True)
    try:
        with admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            yield f"mysql+pymysql://root@{where}/{name}?charset=utf8mb4"
            cursor.execute(f"DROP DATABASE {name}")
    finally:
        admin.close()


@pytest.fixture
def redis_url() -> str:
    """Return the URL of Redis' last database; keys of a test begin with a name of its own."""
    return f"redis://{WHERE['redis']()}/15"


@pytest.fixture
def rabbitmq_url() -> str:
    """Return RabbitMQ's URL; queues and exchanges of a test have a name of their own."""
    return f"amqp://guest:guest@{WHERE['rabbitmq']()}/"


@pytest.fixture
def nats_url() -> str:
    """Return NATS' URL; subjects and streams of a test have a name of their own."""
    return f"nats://{WHERE['nats']()}"


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def each_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, on each of the three kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/each.sqlite3"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
