"""What other modules and the public may do with carts; whose cart it is, the access token says."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from decant import Contract, ValidationError, delete, get, post, put
from decant.auth import require_user
from store.catalog.api import UnknownProduct

MOST = 99
Amount = Annotated[int, Field(ge=1, le=MOST)]
Owner = Annotated[str, Field(min_length=1, max_length=64)]
Guest = Annotated[str, Field(pattern="^guest-[A-Za-z0-9_-]{1,58}$")]


class NewItem(BaseModel):
    product_id: Annotated[str, Field(max_length=100)]
    qty: Amount


class Qty(BaseModel):
    qty: Amount


class CartItem(BaseModel):
    product_id: str
    qty: int
    name: str
    price_cents: int


class CartContents(BaseModel):
    """Names and prices as the catalogue has them now; what it does not sell any more is left out."""

    items: list[CartItem]
    total_cents: int


class TooMany(ValidationError, code="cart.too-many"):
    """A cart can hold 99 of a product at most."""


class Cart(Contract):
    @get("/cart", public=True, guard=require_user)
    def mine(self) -> CartContents:
        """Show the cart of whoever is signed in."""
        ...

    @post("/cart/items", public=True, guard=require_user, idempotent=True, errors=(UnknownProduct,))
    def add(self, item: NewItem) -> CartContents:
        """Put more of a product into the cart."""
        ...

    @put(
        "/cart/items/<product_id>",
        public=True,
        guard=require_user,
        idempotent="natural",
        errors=(UnknownProduct,),
    )
    def change(self, product_id: str, item: Qty) -> CartContents:
        """Say how many of a product are in the cart."""
        ...

    @delete("/cart/items/<product_id>", public=True, guard=require_user, idempotent="natural", errors=(UnknownProduct,))
    def remove(self, product_id: str) -> CartContents:
        """Take a product out of the cart."""
        ...

    @get("/carts/<user_id>")
    def get(self, user_id: Owner) -> CartContents:
        """Return the cart of a user, or of a guest (``guest-…``)."""
        ...

    @post("/carts/<user_id>/items", idempotent=True, errors=(UnknownProduct,))
    def add_to(self, user_id: Owner, item: NewItem) -> CartContents:
        """Put more of a product into a user's or guest's cart."""
        ...

    @put("/carts/<user_id>/items/<product_id>", idempotent="natural", errors=(UnknownProduct,))
    def change_in(self, user_id: Owner, product_id: str, item: Qty) -> CartContents:
        """Say how many of a product are in a user's or guest's cart."""
        ...

    @delete("/carts/<user_id>/items/<product_id>", idempotent="natural", errors=(UnknownProduct,))
    def remove_from(self, user_id: Owner, product_id: str) -> CartContents:
        """Take a product out of a user's or guest's cart."""
        ...

    @delete("/carts/<user_id>", idempotent="natural")
    def clear(self, user_id: Owner) -> None:
        """Empty a cart."""
        ...

    @post("/carts/<user_id>/merge", idempotent="natural")
    def merge(self, user_id: Owner, guest_id: Guest) -> None:
        """Move what a guest has put into their cart into the user's; quantities add up, to 99 at most."""
        ...
