from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

notes: list[str] = []


def panel() -> str:
    return render_template("main.html", notes=notes)


def add_note() -> Response:
    notes.append(request.form["text"])
    return redirect(url_for("admin.home"))
