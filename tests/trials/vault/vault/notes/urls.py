from decant import url
from vault.notes import views

urlpatterns = [
    url("/public", view_func=views.public),
    url("/sessions", view_func=views.sign_in, methods=["POST"]),
    url("/sessions/refresh", view_func=views.refresh, methods=["POST"]),
    url("/sessions/end", view_func=views.sign_out, methods=["POST"]),
    url("/sessions/end-all", view_func=views.sign_out_everywhere, methods=["POST"]),
    url("/accounts", view_func=views.sign_up, methods=["POST"]),
    url("/passwords", view_func=views.check_password, methods=["POST"]),
    url("/passwords/unbounded", view_func=views.check_password_unbounded, methods=["POST"]),
    url("/me", view_func=views.me),
    url("/failure", view_func=views.fail, methods=["POST"]),
    url("/notes", view_func=views.list_notes),
    url("/notes", view_func=views.add_note, methods=["POST"]),
    url("/notes/<note_id>", view_func=views.read_note),
    url("/notes/<note_id>", view_func=views.write_note, methods=["PUT"]),
    url("/notes/<note_id>", view_func=views.delete_note, methods=["DELETE"]),
    url("/admin", view_func=views.admin),
]
