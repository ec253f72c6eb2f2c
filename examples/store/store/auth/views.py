from flask import request
from pydantic import BaseModel

from decant import operation
from decant.auth import Principal, SignInBusy, TooManyAttempts, require_user
from store.auth.api import (
    Auth,
    EmailTaken,
    Registration,
    TypedEmail,
    TypedPassword,
    UsernameReserved,
    UsernameTaken,
    WrongCredentials,
)


class Registered(BaseModel):
    message: str
    user_id: str


class Token(BaseModel):
    token: str
    user_id: str


class Validity(BaseModel):
    valid: bool
    user_id: str


class Message(BaseModel):
    message: str


@operation(status=201, errors=(EmailTaken, UsernameTaken, UsernameReserved, SignInBusy))
def register(auth: Auth, person: Registration) -> Registered:
    """Make an account."""
    account = auth.register(person)
    return Registered(message="User registered successfully", user_id=account.user_id)


@operation(errors=(WrongCredentials, TooManyAttempts, SignInBusy))
def login(auth: Auth, email: TypedEmail, password: TypedPassword) -> Token:
    """Sign in with e-mail address and password."""
    signed_in = auth.sign_in(email, password, request.remote_addr or "")
    return Token(token=signed_in.access_token, user_id=signed_in.user_id)


@operation(guard=require_user)
def validate(principal: Principal) -> Validity:
    """Tell whose access token this is."""
    return Validity(valid=True, user_id=principal.subject)


@operation(guard=require_user)
def logout(auth: Auth) -> Message:
    """Refuse the access token from now on."""
    auth.sign_out()
    return Message(message="Signed out")
