"""Accounts: who somebody is, and how they prove it."""

from flask import Response

from decant import Module
from store.messages import add_messages

module = Module(__name__)
add_messages(module, "/auth/")


@module.after_request
def keep_nowhere(response: Response) -> Response:
    """Keep tokens and who has them out of every cache (RFC 6749, 5.1)."""
    response.cache_control.no_store = True
    return response
