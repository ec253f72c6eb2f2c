from pydantic import BaseModel

from decant import Contract, get, post


class Product(BaseModel):
    id: str
    name: str
    price_cents: int
    stock: int


class Line(BaseModel):
    product_id: str
    qty: int


class Reservation(BaseModel):
    order_id: str
    lines: list[Line]


class Catalog(Contract):
    @get("/products/<product_id>")
    def get_product(self, product_id: str) -> Product: ...

    @get("/products")
    def list_products(self) -> list[Product]: ...

    @post("/reservations", idempotent="natural")
    def reserve(self, order_id: str, lines: list[Line]) -> Reservation: ...
