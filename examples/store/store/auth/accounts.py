"""Accounts as rows: found by what people type, and added so that two can never have the same name."""

from __future__ import annotations

import unicodedata
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant.auth import Passwords
from decant.clock import Clock
from store.auth.api import EmailTaken, UsernameReserved, UsernameTaken, WrongCredentials
from store.auth.models import UserRow


class Accounts:
    def __init__(self, db: Session, passwords: Passwords, clock: Clock) -> None:
        self.db = db
        self.passwords = passwords
        self.clock = clock

    def add(self, username: str, email: str, password: str, name: str) -> UserRow:
        """Add an account; the database decides who was first.

        Raises:
            EmailTaken: When another account has the e-mail address, upper case or not.
            UsernameTaken: When another account has the username, upper case or not.
            UsernameReserved: When the username could be somebody else's e-mail address, by which they sign up.
        """
        if "@" in username and folded(username) != folded(email):
            raise UsernameReserved
        user = UserRow(
            public_id=str(uuid4()),
            username=folded(username),
            email=folded(email),
            name=name,
            password_hash=self.passwords.hash(password),
            created_at=self.clock.now().replace(microsecond=0),
        )
        self.db.add(user)
        try:
            self.db.flush()
        except IntegrityError as error:
            self.db.rollback()
            taken = EmailTaken() if self.by_email(email) is not None else UsernameTaken()
            raise taken from error
        return user

    def by_email(self, email: str) -> UserRow | None:
        return self.db.scalar(select(UserRow).where(UserRow.email == folded(email)))

    def by_public_id(self, user_id: str) -> UserRow | None:
        return self.db.scalar(select(UserRow).where(UserRow.public_id == user_id))

    def check_password(self, user: UserRow | None, password: str) -> UserRow:
        """Return the user if it is their password; nobody takes as long as somebody.

        Raises:
            WrongCredentials: For another password, and for nobody.
        """
        self.db.commit()  # hashing is slow, and others can have the connection meanwhile
        if user is None:
            self.passwords.dummy_verify(password)
            raise WrongCredentials
        if not self.passwords.verify(user.password_hash, password):
            raise WrongCredentials
        if self.passwords.needs_rehash(user.password_hash):
            user.password_hash = self.passwords.hash(password)
        return user


def folded(text: str) -> str:
    """Return a username or an e-mail address as it is compared and stored."""
    return unicodedata.normalize("NFC", text.casefold())
