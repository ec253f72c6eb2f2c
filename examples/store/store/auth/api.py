"""What other modules and the public may ask about accounts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from decant import Contract, DomainError, NotFoundError, get, post
from decant.auth import SignInBusy, TooManyAttempts, require_user
from decant.errors import AuthenticationError

LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(\.{LABEL})*$"
"""The pattern of <input type="email"> (WHATWG HTML, 4.10.5.1.5), its local part as long as RFC 5321 allows."""
CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
BLANKS = r" \xa0\u1680\u2000-\u200f\u202f\u205f\u3000\ufeff"  # spelled out: \s means something else in JavaScript
LINE = rf"^[^{CONTROLS}{BLANKS}]([^{CONTROLS}]*[^{CONTROLS}{BLANKS}])?$"


def matches(pattern: str, message: str) -> AfterValidator:
    """Return a check that says in words what a pattern asks for."""
    fits = re.compile(pattern.strip("^$")).fullmatch

    def check(text: str) -> str:
        if not fits(text):
            raise PydanticCustomError("string_pattern_mismatch", "{wanted}", {"wanted": message})
        return text

    return AfterValidator(check)


Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"pattern": EMAIL}),
    matches(EMAIL, "This is no e-mail address"),
]
Line = Annotated[
    str,
    Field(min_length=1, json_schema_extra={"pattern": LINE}),
    matches(LINE, "This has to be one line, without spaces around it"),
]
Name = Annotated[Line, Field(max_length=200)]
Username = Annotated[Line, Field(max_length=80)]
Password = Annotated[str, Field(min_length=8, max_length=1024)]
TypedEmail = Annotated[str, Field(max_length=254)]
TypedPassword = Annotated[str, Field(max_length=1024)]


class SignUp(BaseModel):
    """Somebody new, whose username is their e-mail address."""

    email: Email
    password: Password
    name: Name


class Registration(BaseModel):
    """Somebody new, who chose a username."""

    username: Username
    email: Email
    password: Password


class Account(BaseModel):
    user_id: str
    username: str
    email: str
    name: str
    created_at: datetime


class SignedIn(BaseModel):
    """An access token for requests, and a refresh token for the next access token."""

    user_id: str
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int


class EmailTaken(DomainError, code="auth.email-taken", status=409):
    """There is an account with this e-mail address already."""


class UsernameTaken(DomainError, code="auth.username-taken", status=409):
    """There is an account with this username already."""


class UsernameReserved(DomainError, code="auth.username-reserved", status=409):
    """A username that has an @ must be the account's own e-mail address."""


class WrongCredentials(AuthenticationError, code="auth.wrong-credentials"):
    """The e-mail address or the password is wrong."""


class UnknownUser(NotFoundError, code="auth.unknown-user"):
    """There is no account {user_id}."""

    user_id: str


class Auth(Contract):
    @post("/auth/signup", public=True, status=201, errors=(SignInBusy,))
    def sign_up(self, person: SignUp) -> SignedIn:
        """Make an account and sign in."""
        ...

    @post("/auth/refresh", public=True, errors=(AuthenticationError,))
    def refresh(self, refresh_token: str) -> SignedIn:
        """Exchange a refresh token for new tokens; each is good for one use."""
        ...

    @get("/auth/me", public=True, guard=require_user)
    def me(self) -> Account:
        """Show the account of whoever is signed in."""
        ...

    @post("/auth/signout-everywhere", public=True, guard=require_user, idempotent="natural")
    def sign_out_everywhere(self) -> None:
        """Refuse every token that the user has, on all devices."""
        ...

    @post("/auth/registrations", errors=(SignInBusy,))
    def register(self, person: Registration) -> Account:
        """Make an account."""
        ...

    @get("/auth/users/<user_id>")
    def find(self, user_id: str) -> Account:
        """Return somebody's account."""
        ...

    @post("/auth/sessions", errors=(SignInBusy, TooManyAttempts))
    def sign_in(self, email: TypedEmail, password: TypedPassword, address: str) -> SignedIn:
        """Sign in from an address; a wrong password and an unknown e-mail address are told alike."""
        ...

    @post("/auth/signout", guard=require_user)
    def sign_out(self) -> None:
        """Refuse the access token that comes with this call from now on, and every other one of its sign-in."""
        ...
