"""The bank of tests.support.bank as an application on one shared database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from decant import init_app
from decant.db import ModuleDatabase
from decant.service import Runtime
from decant.service.plan import CallMode
from tests.support.bank import SCENARIOS, accounts, transfers
from tests.support.bank.accounts.models import Account
from tests.support.bank.accounts.models import Base as AccountBase
from tests.support.bank.transfers.models import Base as TransferBase


@dataclass
class Bank:
    """The application, and shortcuts to its parts."""

    app: Flask
    runtime: Runtime
    client: FlaskClient

    @property
    def accounts(self) -> ModuleDatabase:
        return self.runtime.databases["accounts"]

    @property
    def transfers(self) -> ModuleDatabase:
        return self.runtime.databases["transfers"]

    def run(self, scenario: Callable[..., Any], path: str = "/transfers/run/it") -> Any:
        """Ask an operation to do something; return the answer."""
        SCENARIOS["it"] = scenario
        method = "GET" if "/read/" in path or "page" in path else "PUT" if "/set/" in path else "POST"
        return self.client.open(path, method=method)

    def balance(self) -> int | None:
        with self.accounts.transaction() as session:
            return session.scalar(select(Account.balance).where(Account.id == 1))


def make_bank(home: Path, url: str, mode: CallMode = "strict", *, tables: bool = True) -> Bank:
    """Return the bank, with one account of balance 0."""
    app = Flask("bank", root_path=str(home))
    environ = {"DATABASE_URL": url, "DECANT_HOME": str(home)}
    runtime = init_app(app, [accounts.module, transfers.module], mode=mode, environ=environ)
    bank = Bank(app, runtime, app.test_client())
    if tables:
        AccountBase.metadata.create_all(bank.accounts.engine)
        TransferBase.metadata.create_all(bank.transfers.engine)
        with bank.accounts.transaction() as session:
            session.add(Account(id=1, balance=0))
    return bank
