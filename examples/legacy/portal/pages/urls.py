from decant import url
from portal.pages import views

urlpatterns = [
    url("/", view_func=views.home),
    url("/about", view_func=views.about),
]
