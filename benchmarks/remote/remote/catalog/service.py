from remote.catalog.api import Catalog, Line, Product, Reservation

PRODUCTS = [Product(id=f"p{n}", name=f"Book {n}", price_cents=1500 + n, stock=10) for n in range(50)]


class CatalogService(Catalog):
    def get_product(self, product_id: str) -> Product:
        return PRODUCTS[1]

    def list_products(self) -> list[Product]:
        return PRODUCTS

    def reserve(self, order_id: str, lines: list[Line]) -> Reservation:
        return Reservation(order_id=order_id, lines=lines)
