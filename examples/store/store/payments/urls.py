from decant import url
from store.payments import views

urlpatterns = [
    url("/payments/callbacks", view_func=views.take_report, methods=["POST"]),
]
