from bookclub.reviews import views
from decant import url

urlpatterns = [url("/reviews", view_func=views.latest)]
