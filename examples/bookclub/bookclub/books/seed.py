"""A first shelf, so that the page is not empty."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookclub.books.models import BookRow

SHELF = [
    ("earthsea", "A Wizard of Earthsea", "Ursula K. Le Guin"),
    ("middlemarch", "Middlemarch", "George Eliot"),
    ("kindred", "Kindred", "Octavia E. Butler"),
    ("solaris", "Solaris", "Stanisław Lem"),
]


def seed(db: Session) -> None:
    if db.scalar(select(BookRow.id).limit(1)) is None:
        db.add_all(BookRow(id=key, title=title, author=author, reviews=0, stars_sum=0) for key, title, author in SHELF)
