from bookclub.books import views
from decant import url

urlpatterns = [
    url("/", view_func=views.home),
    url("/books/<book_id>", view_func=views.book),
]
