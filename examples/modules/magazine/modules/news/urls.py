from decant import url

from . import views

urlpatterns = [
    url("/", view_func=views.front_page, name="home"),
    url("/news/<int:number>", view_func=views.article),
]
