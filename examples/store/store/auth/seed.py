"""Somebody who may see everybody's orders, where a password is set: development has one in decant.development.toml."""

from sqlalchemy.orm import Session

from decant.auth import Passwords
from decant.clock import Clock
from store.auth.accounts import Accounts
from store.auth.settings import AuthSettings


def seed(db: Session, passwords: Passwords, clock: Clock, settings: AuthSettings) -> None:
    accounts, password = Accounts(db, passwords, clock), settings.admin_password
    if password is None or accounts.by_email(settings.admin_email) is not None:
        return
    keeper = accounts.add(settings.admin_email, settings.admin_email, password.get_secret_value(), "The Keeper")
    keeper.roles = "admin"
