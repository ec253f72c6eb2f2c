from decant import url
from store.auth import views

urlpatterns = [
    url("/auth/register", view_func=views.register, methods=["POST"]),
    url("/auth/login", view_func=views.login, methods=["POST"]),
    url("/auth/validate", view_func=views.validate, methods=["POST"]),
    url("/auth/logout", view_func=views.logout, methods=["POST"]),
]
