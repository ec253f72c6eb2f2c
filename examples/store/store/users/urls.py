from decant import url
from store.users import views

urlpatterns = [
    url("/users/profile", view_func=views.show_profile),
    url("/users/profile", view_func=views.change_profile, methods=["PUT"]),
]
