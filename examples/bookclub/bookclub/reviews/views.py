from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from bookclub.books.api import Books
from bookclub.reviews.models import ReviewRow
from decant import operation


@operation
def latest(db: Session, books: Books) -> ResponseReturnValue:
    reviews = db.scalars(select(ReviewRow).order_by(ReviewRow.id.desc()).limit(20)).all()
    titles = books.titles([review.book_id for review in reviews])
    return render_template("reviews/latest.html", reviews=reviews, titles=titles)
