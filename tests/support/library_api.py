"""A small library as a Flask application: every kind of parameter, body, answer and error that an operation has."""

from __future__ import annotations

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Flask, Response, request
from pydantic import BaseModel, Field

from decant.errors import AuthenticationError, ConflictError, DomainError, NotFoundError
from decant.http import Body, Email, Header, Page, Paging, Query, bind_app, operation
from decant.http.openapi import describe, install_openapi
from decant.http.problem import install_problems
from decant.wiring import Registry


class Genre(enum.StrEnum):
    NOVEL = "novel"
    POETRY = "poetry"
    SCIENCE = "science"


class Author(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    born: date | None = None


class NewBook(BaseModel):
    """A book as it is brought."""

    title: str = Field(min_length=1, max_length=120, description="As on the cover.", examples=["The Waves"])
    author: Author
    genre: Genre = Genre.NOVEL
    pages: int = Field(ge=1, le=20_000, examples=[228])
    price_cents: int = Field(0, ge=0, description="Cents; never a fraction.")
    tags: list[str] = Field(default_factory=list, max_length=5)


class Book(NewBook):
    """A book on a shelf."""

    id: int


class Change(BaseModel):
    """What is to change; what is left out stays as it is."""

    title: str | None = Field(None, min_length=1, max_length=120)
    price_cents: int | None = Field(None, ge=0)


class Line(BaseModel):
    book_id: int
    qty: int = Field(ge=1, le=99)


class Loan(BaseModel):
    id: UUID
    lines: list[Line]
    note: str | None = None
    until: date


class Everything(BaseModel):
    """One field of every kind."""

    text: str
    whole: int
    real: float
    yes: bool
    exact: Decimal
    day: date
    moment: datetime
    clock: time
    span: timedelta
    uuid: UUID
    mail: Email
    one_of: Literal["a", "b", 3]
    bag: set[int]
    pair: tuple[int, str]
    by_name: dict[str, int]
    anything: Any = None
    free: dict[str, Any] = Field(default_factory=dict)
    pattern: str = Field("x1", pattern=r"^[a-z][0-9]$")
    either: int | str | None = None
    nested: list[Author] = Field(default_factory=list)


class TitleTaken(DomainError, code="library.title-taken", status=409):
    """There is a book called {title} already."""

    title_taken: str
    book_id: int


class BookNotFound(NotFoundError, code="library.book-not-found"):
    """There is no book {book_id}."""

    book_id: int


class Filter(BaseModel):
    genre: list[Genre] = Field(default_factory=list, description="Any of these.")
    in_print: bool | None = None
    since: date | None = None
    most: Decimal | None = Field(None, ge=0)


def create_library() -> Flask:
    """Return the application, with one book on its shelves."""
    app = Flask("library")
    install_problems(app, expose=False)
    _add_books(app)
    _add_changes(app)
    _add_loans(app)
    _add_oddities(app)
    _add_plain_views(app)
    bind_app(app, Registry())
    install_openapi(app, title="Library", version="1.2.0", description="Books, and who has them.")
    return app


def _shelves() -> dict[int, Book]:
    waves = Book(id=1, title="The Waves", author=Author(name="Virginia Woolf", born=date(1882, 1, 25)), pages=228)
    return {waves.id: waves}


def _add_books(app: Flask) -> None:
    books = _shelves()

    @app.get("/books")
    @operation(etag=True, tags=("books",))
    def list_books(paging: Paging, wanted: Filter, q: str = "") -> Page[Book]:
        """List books.

        Newest last. What `next` says is the `cursor` of the next request.

        Args:
            q: Words that the title has.
        """
        after = paging.after(int) or 0
        found = [b for b in books.values() if b.id > after and q.lower() in b.title.lower()]
        found = [b for b in found if not wanted.genre or b.genre in wanted.genre]
        return paging.page(found[: paging.limit + 1], position=lambda book: book.id)

    @app.post("/books")
    @operation(location="/books/{id}", errors=(TitleTaken,), tags=("books",))
    def add_book(book: NewBook) -> Book:
        """Add a book.

        Returns:
            The book, with its number.
        """
        for known in books.values():
            if known.title == book.title:
                raise TitleTaken(title_taken=book.title, book_id=known.id)
        number = len(books) + 1
        if number < 50:
            books[number] = Book(id=number, **book.model_dump())
        return Book(id=number, **book.model_dump())

    @app.get("/books/<int:book_id>")
    @operation(etag=True, errors=(BookNotFound,), tags=("books",))
    def get_book(book_id: int) -> Book:
        """Get one book."""
        return _find(books, book_id)


def _find(books: dict[int, Book], book_id: int) -> Book:
    if book_id not in books:
        raise BookNotFound(book_id=book_id)
    return books[book_id]


def _add_changes(app: Flask) -> None:
    books = _shelves()

    @app.put("/books/<int:book_id>")
    @operation(errors=(BookNotFound, ConflictError), tags=("books",))
    def replace_book(book_id: int, book: NewBook) -> Book:
        """Replace a book."""
        _find(books, book_id)
        return Book(id=book_id, **book.model_dump())

    @app.patch("/books/<int:book_id>")
    @operation(errors=(BookNotFound,), tags=("books",))
    def change_book(book_id: int, change: Change) -> Book:
        """Change a part of a book."""
        return _find(books, book_id).model_copy(update=change.model_dump(exclude_none=True))

    @app.delete("/books/<int:book_id>")
    @operation(errors=(BookNotFound,), tags=("books",), deprecated=True)
    def remove_book(book_id: int) -> None:
        """Remove a book."""
        _find(books, book_id)


def _add_loans(app: Flask) -> None:
    @app.post("/loans")
    @operation(tags=("loans",), status=201)
    def lend(order_id: UUID, lines: Annotated[list[Line], Field(min_length=1)], note: str | None = None) -> Loan:
        """Lend books.

        Args:
            order_id: Chosen by the client.
            lines: What is lent.
            note: For the librarian.
        """
        return Loan(id=order_id, lines=lines, note=note, until=date(2026, 12, 24))

    @app.get("/loans/latest")
    @operation(tags=("loans",))
    def latest_loan() -> Loan | None:
        """Get the latest loan, if there is any."""
        return None

    @app.get("/me")
    @operation(tags=("loans",), errors=(AuthenticationError,))
    def me() -> dict[str, str]:
        """See who is signed in."""
        if request.headers.get("Authorization") != "Bearer library":
            raise AuthenticationError("Sign in first.")
        return {"name": "Ada"}


def _add_oddities(app: Flask) -> None:
    @app.post("/everything")
    @operation(tags=("odd",))
    def everything(value: Everything) -> Everything:
        """Send back one of everything."""
        return value

    @app.post("/numbers")
    @operation(tags=("odd",))
    def total(numbers: Annotated[list[int], Body()]) -> int:
        """Count a list of numbers."""
        return len(numbers)

    @app.get("/odd/<name>/<uuid:key>/<float:share>/<any(red, green):colour>/<path:rest>")
    @operation(tags=("odd",))
    def odd(
        name: str,
        key: UUID,
        share: float,
        colour: str,
        rest: str,
        at: datetime,
        many: Annotated[list[int], Query(alias="n")],
        depth: Annotated[int, Query()] = 1,
        loud: bool = False,
        reason: Annotated[str | None, Header("X-Reason")] = None,
        level: Annotated[int, Header("X-Level")] = 0,
    ) -> dict[str, str | int | float | bool | None]:
        """Use every kind of parameter."""
        return {"name": name, "key": str(key), "share": share, "colour": colour, "rest": rest, "level": level}


def _add_plain_views(app: Flask) -> None:
    @app.get("/export.csv")
    @describe(responses={200: {"description": "One line per book.", "content": {"text/csv": {}}}}, tags=["books"])
    def export() -> Response:
        """Get everything as a table."""
        return Response("id,title\n1,The Waves\n", content_type="text/csv")

    @app.get("/hidden")
    def hidden() -> str:
        return "A plain view that says nothing about itself."
