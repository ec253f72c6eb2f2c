import sys
from pathlib import Path

import pytest

from decant.db import default_url, parse_url
from decant.db.urls import check_driver
from decant.errors import MissingExtra, SetupError


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("mysql://u@h/d", "mysql+pymysql"),
        ("mariadb://u@h/d", "mariadb+pymysql"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg"),
        ("sqlite:///x.db", "sqlite"),
    ],
)
def test_a_plain_url_gets_the_installed_driver(written: str, driver: str) -> None:
    assert parse_url(written).drivername == driver


def test_a_rewritten_url_keeps_its_password() -> None:
    assert parse_url("postgresql://u:se%40cret@h:5/d").password == "se@cret"


def test_the_default_is_a_file_of_the_modules_own(tmp_path: Path) -> None:
    assert parse_url(default_url(tmp_path, "cart")).database == str(tmp_path / "cart.sqlite3")


def test_an_unreadable_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(SetupError) as caught:
        parse_url("postgresql//u:secret@h")
    assert "secret" not in str(caught.value)
    assert "postgresql://" in str(caught.value)


def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(SetupError, match="of module cart is for oracel, which is not a kind of database"):
        parse_url("oracel://u@h/d", "cart")


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_a_server_alone_is_no_database(kind: str) -> None:
    with pytest.raises(SetupError, match="names a server and no database on it"):
        parse_url(f"{kind}://u@h")


def test_a_missing_driver_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"(?s)psycopg is not installed.*flask-decant\[postgres\]"):
        check_driver(parse_url("postgresql://u@h/d"))


def test_another_missing_driver_is_no_extra_of_ours() -> None:
    with pytest.raises(SetupError, match=r"(?s)pg8000 is not installed.*postgresql://") as caught:
        check_driver(parse_url("postgresql+pg8000://u@h/d"))
    assert not isinstance(caught.value, MissingExtra)


def test_an_asynchronous_driver_is_refused() -> None:
    with pytest.raises(SetupError, match="needs an event loop"):
        check_driver(parse_url("postgresql+asyncpg://u@h/d"))


def test_an_unknown_driver_is_refused() -> None:
    with pytest.raises(SetupError, match="nonsense is not a driver"):
        check_driver(parse_url("postgresql+nonsense://u@h/d"))
