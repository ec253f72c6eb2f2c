"""What the public may ask about orders, at the paths that they always had."""

from typing import Annotated

from pydantic import BaseModel, Field

from decant import Contract, DomainError, get, post


class NewOrder(BaseModel):
    user_id: int
    item: Annotated[str, Field(min_length=1, max_length=200)]


class Order(BaseModel):
    id: int
    user_id: int
    item: str


class UnknownOrder(DomainError, code="orders.unknown", status=404):
    """There is no order {order_id}."""

    order_id: int


class Orders(Contract):
    @get("/users/<int:user_id>/orders", public=True)
    def orders_of(self, user_id: int) -> list[Order]:
        """List a user's orders."""
        ...

    @get("/orders/<int:order_id>", public=True)
    def get_order(self, order_id: int) -> Order:
        """Show one order."""
        ...

    @post("/orders", public=True, location="/orders/{id}")
    def add_order(self, order: NewOrder) -> Order:
        """Order something for a user."""
        ...
