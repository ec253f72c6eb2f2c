from sqlalchemy import select
from sqlalchemy.orm import Session

from bookclub.books.api import Books
from bookclub.reviews.api import NewReview, Review, ReviewPosted, Reviews
from bookclub.reviews.models import ReviewRow
from decant import Page, Paging, publish
from decant.ids import new_id


class ReviewService(Reviews):
    def __init__(self, db: Session, books: Books) -> None:
        self.db = db
        self.books = books

    def list_reviews(self, book_id: str, paging: Paging) -> Page[Review]:
        self.books.get_book(book_id)
        query = select(ReviewRow).where(ReviewRow.book_id == book_id).order_by(ReviewRow.id.desc())
        before = paging.after(str)
        if before is not None:
            query = query.where(ReviewRow.id < before)
        rows = self.db.scalars(query.limit(paging.limit + 1)).all()
        return paging.page([to_review(row) for row in rows], position=lambda review: review.id)

    def post_review(self, book_id: str, review: NewReview) -> Review:
        self.books.get_book(book_id)
        row = ReviewRow(id=new_id(), book_id=book_id, reader=review.reader, stars=review.stars, text=review.text)
        self.db.add(row)
        publish(self.db, ReviewPosted(review_id=row.id, book_id=book_id, stars=row.stars))
        return to_review(row)


def to_review(row: ReviewRow) -> Review:
    return Review(id=row.id, book_id=row.book_id, reader=row.reader, stars=row.stars, text=row.text)
