"""Two modules of a book club, for tests: reviews tell, books count."""

from sqlalchemy import update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.db import ModuleBase, ModuleDatabase
from decant.events import Event, on


class Base(ModuleBase, DeclarativeBase, module="books"):
    pass


class Books(Base):
    id: Mapped[str] = mapped_column(primary_key=True)
    reviews: Mapped[int]


class ReviewPosted(Event, type="reviews.posted", key="book_id"):
    book_id: str
    stars: int = 5


class ReviewDropped(Event, type="reviews.dropped", key="book_id"):
    book_id: str


@on(ReviewPosted)
def count(event: ReviewPosted, db: Session) -> None:
    db.execute(update(Books).where(Books.id == event.book_id).values(reviews=Books.reviews + 1))


def counted(books: ModuleDatabase) -> int:
    with books.transaction() as session:
        book = session.get(Books, "emma")
        return book.reviews if book else -1
