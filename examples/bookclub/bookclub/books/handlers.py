from sqlalchemy import update
from sqlalchemy.orm import Session

from bookclub.books.models import BookRow
from bookclub.reviews.api import ReviewPosted
from decant import on


@on(ReviewPosted)
def count_review(event: ReviewPosted, db: Session) -> None:
    db.execute(
        update(BookRow)
        .where(BookRow.id == event.book_id)
        .values(reviews=BookRow.reviews + 1, stars_sum=BookRow.stars_sum + event.stars)
    )
