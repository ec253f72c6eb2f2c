from collections.abc import Iterable

from decant import Caller
from decant.errors import AuthenticationError
from store.cart.api import MOST, Cart, CartContents, CartItem, NewItem, Qty, TooMany
from store.cart.keeping import Carts, Lines
from store.catalog.api import Catalog, Product, UnknownProduct


class CartService(Cart):
    def __init__(self, carts: Carts, catalog: Catalog, caller: Caller) -> None:
        self.carts = carts
        self.catalog = catalog
        self.caller = caller

    def mine(self) -> CartContents:
        return self.get(self._user_id())

    def add(self, item: NewItem) -> CartContents:
        return self.add_to(self._user_id(), item)

    def change(self, product_id: str, item: Qty) -> CartContents:
        return self.change_in(self._user_id(), product_id, item)

    def remove(self, product_id: str) -> CartContents:
        return self.remove_from(self._user_id(), product_id)

    def get(self, user_id: str) -> CartContents:
        lines = self.carts.read(user_id)
        return contents(lines, self._products(lines))

    def add_to(self, user_id: str, item: NewItem) -> CartContents:
        products = self._products_with(user_id, item.product_id)

        def more(lines: Lines) -> None:
            lines[item.product_id] = allowed(lines.get(item.product_id, 0) + item.qty)

        return contents(self.carts.change(user_id, more), products)

    def change_in(self, user_id: str, product_id: str, item: Qty) -> CartContents:
        products = self._products_with(user_id, product_id)
        return contents(self.carts.change(user_id, lambda lines: lines.update({product_id: item.qty})), products)

    def remove_from(self, user_id: str, product_id: str) -> CartContents:
        lines = self.carts.read(user_id)
        products = self._products([*lines, product_id])
        if product_id not in products and product_id not in lines:
            raise UnknownProduct(product_id=product_id)
        return contents(self.carts.change(user_id, lambda lines: lines.pop(product_id, None)), products)

    def clear(self, user_id: str) -> None:
        if self.carts.read(user_id):
            self.carts.change(user_id, Lines.clear)

    def merge(self, user_id: str, guest_id: str) -> None:
        self.carts.move(guest_id, user_id, merge_lines)

    def _user_id(self) -> str:
        if self.caller.subject is None:
            raise AuthenticationError("The access token is missing.")
        return self.caller.subject

    def _products_with(self, user_id: str, product_id: str) -> dict[str, Product]:
        """Return the products of a cart and one more, asked for before anything is written.

        Raises:
            UnknownProduct: When the catalogue does not know that one.
        """
        products = self._products([*self.carts.read(user_id), product_id])
        if product_id not in products:
            raise UnknownProduct(product_id=product_id)
        return products

    def _products(self, ids: Iterable[str]) -> dict[str, Product]:
        wanted = list(dict.fromkeys(ids))
        return {product.id: product for product in self.catalog.get_products(wanted)} if wanted else {}


def contents(lines: Lines, products: dict[str, Product]) -> CartContents:
    """Return a cart as people see it; a line that another request has added this moment shows the next time."""
    items = [
        CartItem(product_id=key, qty=qty, name=products[key].name, price_cents=products[key].price_cents)
        for key, qty in lines.items()
        if key in products
    ]
    return CartContents(items=items, total_cents=sum(item.qty * item.price_cents for item in items))


def allowed(qty: int) -> int:
    if qty > MOST:
        fault = {"field": "body.qty", "message": f"There can be {MOST} in the cart at most", "code": "less_than_equal"}
        raise TooMany(errors=[fault])
    return qty


def merge_lines(guests: Lines, lines: Lines) -> None:
    for product_id, qty in guests.items():
        lines[product_id] = min(MOST, lines.get(product_id, 0) + qty)
