"""What other modules and the public may ask of the books."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from decant import Contract, DomainError, Event, Page, Paging, get, post

Title = Annotated[str, Field(min_length=1, max_length=200)]


class NewBook(BaseModel):
    title: Title
    author: Title


class Book(BaseModel):
    id: str
    title: str
    author: str
    reviews: int
    stars: float | None


class UnknownBook(DomainError, code="books.unknown", status=404):
    """There is no book {book_id}."""

    book_id: str


class BookAdded(Event, type="books.added", key="book_id"):
    book_id: str
    title: str


class Books(Contract):
    @get("/books", public=True)
    def list_books(self, paging: Paging) -> Page[Book]:
        """List the books, best received first."""
        ...

    @get("/books/<book_id>", public=True, etag=True)
    def get_book(self, book_id: str) -> Book:
        """Show one book."""
        ...

    @post("/books", public=True, location="/books/{id}")
    def add_book(self, book: NewBook) -> Book:
        """Add a book to the club's list."""
        ...

    @get("/titles")
    def titles(self, book_ids: list[str]) -> dict[str, str]:
        """Return the title of each book that is known; for other modules only."""
        ...
