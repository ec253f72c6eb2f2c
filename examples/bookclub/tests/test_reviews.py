"""The reviews by themselves: a stand-in takes the place of the books."""

from __future__ import annotations

import pytest
from bookclub.books.api import Book, Books, NewBook, UnknownBook
from bookclub.reviews.api import NewReview
from bookclub.reviews.models import ReviewRow
from bookclub.reviews.service import ReviewService
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from decant import Page, Paging
from decant.db import infrastructure_of


class OneBook(Books):
    """Knows the book ``earthsea`` and no other."""

    def get_book(self, book_id: str) -> Book:
        if book_id != "earthsea":
            raise UnknownBook(book_id=book_id)
        return Book(id="earthsea", title="A Wizard of Earthsea", author="Ursula K. Le Guin", reviews=0, stars=None)

    def list_books(self, paging: Paging) -> Page[Book]:
        return Page[Book](items=[self.get_book("earthsea")], next=None)

    def add_book(self, book: NewBook) -> Book:
        raise NotImplementedError

    def titles(self, book_ids: list[str]) -> dict[str, str]:
        return {"earthsea": "A Wizard of Earthsea"}


GOOD = NewReview(reader="Ged", stars=5, text="True names.")


def test_a_review_is_stored_and_told_in_one_transaction(reviews_db: Session) -> None:
    review = ReviewService(reviews_db, OneBook()).post_review("earthsea", GOOD)
    (row,) = reviews_db.execute(select(infrastructure_of("reviews").outbox)).all()
    assert (row.type, row.key) == ("reviews.posted", "earthsea")
    assert reviews_db.get(ReviewRow, review.id) is not None


def test_a_review_of_an_unknown_book_writes_nothing(reviews_db: Session) -> None:
    with pytest.raises(UnknownBook):
        ReviewService(reviews_db, OneBook()).post_review("none", GOOD)
    assert reviews_db.scalar(select(func.count()).select_from(ReviewRow)) == 0
    assert reviews_db.execute(select(infrastructure_of("reviews").outbox)).all() == []


def test_the_newest_come_first_page_by_page(reviews_db: Session) -> None:
    service = ReviewService(reviews_db, OneBook())
    posted = [service.post_review("earthsea", GOOD).id for _ in range(3)]
    first = service.list_reviews("earthsea", Paging(limit=2))
    second = service.list_reviews("earthsea", Paging(limit=2, cursor=first.next))
    assert [review.id for review in [*first.items, *second.items]] == posted[::-1]
    assert second.next is None
