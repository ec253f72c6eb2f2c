"""What a page says when a module behind it does not answer: what that means, and what goes on meanwhile."""

from __future__ import annotations

import time

from flask import current_app, g, request
from flask.typing import ResponseReturnValue

from decant.context import current
from decant.errors import DeadlineExceeded, OperationFailed, RemoteCallError, Unavailable
from decant.http.problem import problem_of, problem_response
from store.web import module

READING_S, WRITING_S = 5.0, 15.0
SAFE_METHODS = ("GET", "HEAD")
WORDS = {
    "catalog": "The shelves cannot be reached at the moment. Your cart is kept, and orders that you placed go on.",
    "cart": "Your cart cannot be reached at the moment. What is in it is kept, and you can look around meanwhile.",
    "orders": "Orders cannot be reached at the moment. Those that you placed go on without this page, and each is "
    "charged once at most. You can look around and fill your cart meanwhile.",
    "payments": "Payments cannot be reached at the moment. Nothing is charged twice: we ask before we charge again.",
    "notifications": "The mailbox cannot be reached at the moment. No mail is lost, and your orders go on.",
    "auth": "Accounts cannot be reached at the moment. You can look around and fill your cart as a guest.",
    "users": "Profiles cannot be reached at the moment. Nothing was changed; the rest of the shop is open.",
}
MEANWHILE = {
    "catalog": ("/cart", "To your cart"),
    "auth": ("/cart", "To your cart"),
    "notifications": ("/orders", "To your orders"),
}
CHANGED = " What you have just sent was not confirmed: look again in a moment before you send it once more."


@module.errorhandler(RemoteCallError)
def answer(error: RemoteCallError) -> ResponseReturnValue:
    """Answer with words of the module that did not, in ``g.outage``; one that is slow is away as well."""
    if isinstance(error, OperationFailed):
        raise error  # a bug is no outage: it is answered and logged as one
    current_app.logger.warning("%s %s: %s", request.method, request.path, error)
    name = error.operation.partition(".")[0]
    g.outage = WORDS.get(name, "A part of the shop cannot be reached at the moment.")
    if request.method == "POST" and error.may_have_run:
        g.outage += CHANGED
    g.meanwhile = MEANWHILE.get(name, ("/", "To the shelves"))
    slow = isinstance(error, DeadlineExceeded)
    told = Unavailable(error.detail, operation=error.operation) if slow else error
    return problem_response(problem_of(told, expose=False))


@module.before_request
def lose_patience() -> None:
    """Wait for other modules as long as a person would; the sessions put the context back at the request's end."""
    if request.endpoint is None or request.endpoint.endswith(".static"):
        return
    here = current.get()
    ends = time.monotonic() + (READING_S if request.method in SAFE_METHODS else WRITING_S)
    current.set(here.replace(deadline=ends if here.deadline is None else min(ends, here.deadline)))
