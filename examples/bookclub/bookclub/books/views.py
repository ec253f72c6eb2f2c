from flask import render_template
from flask.typing import ResponseReturnValue

from bookclub.books.api import Books
from decant import Paging, operation


@operation
def home(books: Books, paging: Paging) -> ResponseReturnValue:
    return render_template("books/home.html", page=books.list_books(paging))


@operation
def book(books: Books, book_id: str) -> ResponseReturnValue:
    return render_template("books/book.html", book=books.get_book(book_id))
