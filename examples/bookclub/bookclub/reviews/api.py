"""What other modules and the public may ask of the reviews."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from decant import Contract, Event, Page, Paging, get, post

Stars = Annotated[int, Field(ge=1, le=5)]


class NewReview(BaseModel):
    reader: Annotated[str, Field(min_length=1, max_length=80)]
    stars: Stars
    text: Annotated[str, Field(max_length=2000)] = ""


class Review(BaseModel):
    id: str
    book_id: str
    reader: str
    stars: int
    text: str


class ReviewPosted(Event, type="reviews.posted", key="book_id"):
    review_id: str
    book_id: str
    stars: int


class Reviews(Contract):
    @get("/books/<book_id>/reviews", public=True)
    def list_reviews(self, book_id: str, paging: Paging) -> Page[Review]:
        """List a book's reviews, newest first."""
        ...

    @post("/books/<book_id>/reviews", public=True, status=201)
    def post_review(self, book_id: str, review: NewReview) -> Review:
        """Review a book."""
        ...
