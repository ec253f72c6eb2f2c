"""The mail that the shop has written to a user."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from decant import Paging, operation
from decant.auth import require_user
from decant.http.paging import CursorError
from store.notifications.api import Notifications

PER_PAGE = 10


@operation(guard=require_user)
def show(notifications: Notifications) -> ResponseReturnValue:
    try:
        page = notifications.mailbox(Paging(limit=PER_PAGE, cursor=request.args.get("cursor") or None))
    except CursorError:
        return redirect("/mailbox", 303)
    return render_template("web/mailbox.html", page=page)
