"""What people mean to buy: a cart per user, and one per guest."""

from flask import Response

from decant import Module
from store.cart.keeping import Carts, carts_of

module = Module(__name__)
module.provide(Carts, carts_of)


@module.after_request
def keep_nowhere(response: Response) -> Response:
    """Keep what somebody means to buy out of every cache."""
    response.cache_control.no_store = True
    return response
