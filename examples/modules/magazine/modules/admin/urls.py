from decant import url

from . import views

urlpatterns = [
    url("/admin/", view_func=views.panel, name="home"),
    url("/admin/notes", view_func=views.add_note, methods=["POST"]),
]
