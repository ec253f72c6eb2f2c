from flask import render_template
from flask.typing import ResponseReturnValue

from decant import operation
from portal.users.api import Users


@operation
def home(users: Users) -> ResponseReturnValue:
    return render_template("pages/home.html", users=users.list_users())


def about() -> ResponseReturnValue:
    return render_template("pages/about.html")
