from uuid import uuid4

from pydantic import BaseModel

from decant import operation
from decant.auth import AccessTokens, Passwords, Principal, RefreshTokens, SignOut, anyone, require_roles
from decant.errors import AuthenticationError, NotFoundError

notes: dict[str, tuple[str, str]] = {}
hashes: dict[str, str] = {}
unbounded = Passwords(at_once=1000, waiting=1000)
"""What sign-ins would be without their bound: the negative control."""


class NoteMissing(NotFoundError, code="notes.missing"):
    """There is no such note."""


class Note(BaseModel):
    note_id: str
    text: str


class Session(BaseModel):
    access_token: str
    refresh_token: str


class Who(BaseModel):
    subject: str


@operation(guard=anyone)
def public() -> Who:
    return Who(subject="anybody")


@operation(guard=anyone, status=201)
def sign_in(subject: str, tokens: AccessTokens, refresh_tokens: RefreshTokens) -> Session:
    first = refresh_tokens.start(subject)
    return Session(access_token=tokens.issue(subject, session=first.family), refresh_token=first.token)


@operation(guard=anyone)
def refresh(refresh_token: str, tokens: AccessTokens, refresh_tokens: RefreshTokens) -> Session:
    following = refresh_tokens.rotate(refresh_token)
    token = tokens.issue(following.subject, session=following.family)
    return Session(access_token=token, refresh_token=following.token)


@operation
def sign_out(principal: Principal, ending: SignOut) -> Who:
    ending.here(principal)
    return Who(subject=principal.subject)


@operation
def sign_out_everywhere(principal: Principal, ending: SignOut) -> Who:
    ending.everywhere(principal.subject)
    return Who(subject=principal.subject)


@operation(guard=anyone, status=201)
def sign_up(subject: str, password: str, passwords: Passwords) -> Who:
    hashes[subject] = passwords.hash(password)
    return Who(subject=subject)


@operation(guard=anyone)
def check_password(subject: str, password: str, passwords: Passwords) -> Who:
    if not passwords.verify(hashes.get(subject, "!"), password):
        raise AuthenticationError("The name or the password is wrong.")
    return Who(subject=subject)


@operation(guard=anyone)
def check_password_unbounded(subject: str, password: str) -> Who:
    if not unbounded.verify(hashes.get(subject, "!"), password):
        raise AuthenticationError("The name or the password is wrong.")
    return Who(subject=subject)


@operation
def me(principal: Principal) -> Who:
    return Who(subject=principal.subject)


@operation(guard=anyone)
def fail(secret: str) -> Who:
    raise RuntimeError(f"the database at postgresql://shop:{secret}@db.internal/shop is gone")


@operation
def list_notes(principal: Principal) -> list[Note]:
    return [Note(note_id=name, text=text) for name, (owner, text) in notes.items() if owner == principal.subject]


@operation(status=201)
def add_note(text: str, principal: Principal) -> Note:
    note_id = uuid4().hex
    notes[note_id] = (principal.subject, text)
    return Note(note_id=note_id, text=text)


@operation
def read_note(note_id: str, principal: Principal) -> Note:
    return Note(note_id=note_id, text=_text(note_id, principal))


@operation
def write_note(note_id: str, text: str, principal: Principal) -> Note:
    _text(note_id, principal)
    notes[note_id] = (principal.subject, text)
    return Note(note_id=note_id, text=text)


@operation
def delete_note(note_id: str, principal: Principal) -> None:
    _text(note_id, principal)
    del notes[note_id]


@operation(guard=require_roles("admin"))
def admin() -> Who:
    return Who(subject="admin")


def _text(note_id: str, principal: Principal) -> str:
    owner, text = notes.get(note_id, ("", ""))
    if owner != principal.subject:
        raise NoteMissing
    return text
