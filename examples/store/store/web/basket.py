"""Whose cart this visitor's is, and how many things are in it as far as this page knows."""

from __future__ import annotations

from contextlib import suppress

from flask import session

from decant.context import deadline
from decant.errors import RemoteCallError
from decant.ids import new_id
from store.cart.api import Cart, CartContents
from store.web import sessions

GUEST = "guest"
COUNT = "things"
PATIENCE_S = 2.0
"""For a cart at sign-in: nobody is kept out for the sake of their cart."""


def owner() -> str | None:
    """Return who owns the cart: the user, or the guest that this session's signed cookie knows; None for neither."""
    if sessions.user is not None:
        return sessions.user.subject
    found: str | None = session.get(GUEST)
    return found


def new_owner() -> str:
    """Return who owns the cart, and make a guest of a visitor without one."""
    found = owner()
    if found is None:
        found = session[GUEST] = f"guest-{new_id()}"
    return found


def contents(cart: Cart) -> CartContents:
    """Return what is in this visitor's cart, with what they put there as a guest."""
    move_in(cart)
    whose = owner()
    return counted(cart.get(whose) if whose else CartContents(items=[], total_cents=0))


def counted(found: CartContents) -> CartContents:
    """Note how many things are in the cart: the header says it on pages that do not ask for the cart."""
    count = sum(item.qty for item in found.items)
    if session.get(COUNT, 0) != count:
        session[COUNT] = count
    return found


def welcome(cart: Cart, guest: str | None) -> None:
    """Give somebody who has just signed in what they put into a cart before; a cart that is away waits for later."""
    if guest is not None:
        session[GUEST] = guest
    with suppress(RemoteCallError), deadline(PATIENCE_S):  # the next page that shows the cart moves it
        contents(cart)


def move_in(cart: Cart) -> None:
    if sessions.user is not None and GUEST in session:
        cart.merge(str(sessions.user.subject), session[GUEST])
        del session[GUEST]
