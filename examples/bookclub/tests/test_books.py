"""The books by themselves: a service is made by hand, with a session and nothing else."""

from __future__ import annotations

import pytest
from bookclub.books.api import Book, NewBook, UnknownBook
from bookclub.books.handlers import count_review
from bookclub.books.service import BookService
from bookclub.reviews.api import ReviewPosted
from sqlalchemy import select
from sqlalchemy.orm import Session

from decant import Paging
from decant.db import infrastructure_of


def add(db: Session, title: str = "Piranesi") -> Book:
    return BookService(db).add_book(NewBook(title=title, author="Susanna Clarke"))


def test_an_added_book_can_be_read_and_has_no_stars_yet(books_db: Session) -> None:
    book = add(books_db)
    assert BookService(books_db).get_book(book.id) == book
    assert (book.reviews, book.stars) == (0, None)


def test_adding_a_book_tells_others(books_db: Session) -> None:
    book = add(books_db)
    (row,) = books_db.execute(select(infrastructure_of("books").outbox)).all()
    assert (row.type, row.key) == ("books.added", book.id)


def test_an_unknown_book_is_named(books_db: Session) -> None:
    with pytest.raises(UnknownBook) as caught:
        BookService(books_db).get_book("none")
    assert caught.value.book_id == "none"


def test_each_review_moves_the_average(books_db: Session) -> None:
    book = add(books_db)
    for number, stars in enumerate((5, 2)):
        count_review(ReviewPosted(review_id=str(number), book_id=book.id, stars=stars), books_db)
    books_db.expire_all()
    read = BookService(books_db).get_book(book.id)
    assert (read.reviews, read.stars) == (2, 3.5)


def test_the_best_received_come_first_page_by_page(books_db: Session) -> None:
    books = [add(books_db, title) for title in ("A", "B", "C")]
    count_review(ReviewPosted(review_id="1", book_id=books[2].id, stars=5), books_db)
    service = BookService(books_db)
    first = service.list_books(Paging(limit=2))
    second = service.list_books(Paging(limit=2, cursor=first.next))
    assert [book.title for book in [*first.items, *second.items]] == ["C", "A", "B"]
    assert second.next is None


def test_titles_are_those_that_are_known(books_db: Session) -> None:
    book = add(books_db)
    assert BookService(books_db).titles([book.id, "none"]) == {book.id: "Piranesi"}
