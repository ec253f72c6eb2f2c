from pydantic import NonNegativeInt
from sqlalchemy import select
from sqlalchemy.orm import Session

from bookclub.books.api import Book, BookAdded, Books, NewBook, UnknownBook
from bookclub.books.models import BookRow
from decant import Page, Paging, publish
from decant.ids import new_id


class BookService(Books):
    def __init__(self, db: Session) -> None:
        self.db = db

    def list_books(self, paging: Paging) -> Page[Book]:
        offset = paging.after(NonNegativeInt) or 0
        query = select(BookRow).order_by(BookRow.stars_sum.desc(), BookRow.title, BookRow.id)
        rows = self.db.scalars(query.offset(offset).limit(paging.limit + 1)).all()
        books = [to_book(row) for row in rows]
        return paging.page(books, position=lambda book: offset + paging.limit)

    def get_book(self, book_id: str) -> Book:
        row = self.db.get(BookRow, book_id)
        if row is None:
            raise UnknownBook(book_id=book_id)
        return to_book(row)

    def add_book(self, book: NewBook) -> Book:
        row = BookRow(id=new_id(), title=book.title, author=book.author, reviews=0, stars_sum=0)
        self.db.add(row)
        publish(self.db, BookAdded(book_id=row.id, title=row.title))
        return to_book(row)

    def titles(self, book_ids: list[str]) -> dict[str, str]:
        rows = self.db.execute(select(BookRow.id, BookRow.title).where(BookRow.id.in_(book_ids)))
        return {row.id: row.title for row in rows}


def to_book(row: BookRow) -> Book:
    return Book(id=row.id, title=row.title, author=row.author, reviews=row.reviews, stars=row.stars)
