"""A typed operation beside a hand-written Flask view, with nothing else around: one process per pair.

Run it with ``python benchmarks/http_micro.py [blocks]``. Figures are µs of CPU time per request, called through
WSGI without sockets; a variant and its base take turns in short blocks, so that a neighbour's load hits both. Read the
ratios; the absolute figures are the machine's.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

BLOCK = 100


class Row(NamedTuple):
    """What a database driver gives: attributes, no dict."""

    id: str
    name: str
    price_cents: int
    stock: int


ROWS = [Row(f"p{number}", f"Product {number}", 1500 + number, number) for number in range(50)]


def make_app(variant: str) -> tuple[Any, dict[str, Any]]:
    """Return an application and the request for it."""
    import flask
    import orjson
    from pydantic import BaseModel

    from decant.http import bind_app, operation
    from decant.wiring import Registry

    app = flask.Flask("bench")

    class Product(BaseModel):
        id: str
        name: str
        price_cents: int
        stock: int

    class Order(BaseModel):
        product_id: str
        qty: int

    globals().update(Product=Product, Order=Order)

    def as_dict(row: Row) -> dict[str, Any]:
        return {"id": row.id, "name": row.name, "price_cents": row.price_cents, "stock": row.stock}

    views: dict[str, Callable[..., Any]] = {}
    first = as_dict(ROWS[0])
    dicts = [as_dict(row) for row in ROWS]
    models = [Product(**as_dict(row)) for row in ROWS]

    views["one jsonify"] = lambda product_id: flask.jsonify(id=product_id, name="Book", price_cents=1500, stock=3)

    @operation
    def one_typed(product_id: str) -> Product:
        return Product(id=product_id, name="Book", price_cents=1500, stock=3)

    views["one typed"] = one_typed

    @operation
    def one_typed_dict(product_id: str) -> Product:
        return first  # type: ignore[return-value]

    views["one typed from dict"] = one_typed_dict

    def query_jsonify(product_id: str) -> Any:
        limit = flask.request.args.get("limit", 20, type=int)
        return flask.jsonify(id=product_id, name=flask.request.args.get("q"), price_cents=limit, stock=3)

    views["query jsonify"] = query_jsonify

    @operation
    def query_typed(product_id: str, q: str, limit: int = 20) -> Product:
        return Product(id=product_id, name=q, price_cents=limit, stock=3)

    views["query typed"] = query_typed

    def body_jsonify(product_id: str) -> Any:
        data = flask.request.get_json()
        return flask.jsonify(id=product_id, name=data["product_id"], price_cents=data["qty"], stock=3)

    views["body jsonify"] = body_jsonify

    @operation
    def body_typed(product_id: str, order: Order) -> Product:
        return Product(id=product_id, name=order.product_id, price_cents=order.qty, stock=3)

    views["body typed"] = body_typed

    views["50 jsonify dicts"] = lambda product_id: flask.jsonify([as_dict(row) for row in ROWS])
    views["50 orjson dicts"] = lambda product_id: flask.Response(
        orjson.dumps([as_dict(row) for row in ROWS]), content_type="application/json"
    )

    @operation
    def rows_typed(product_id: str) -> list[Product]:
        return ROWS  # type: ignore[return-value]

    views["50 typed from rows"] = rows_typed

    @operation
    def models_typed(product_id: str) -> list[Product]:
        return models

    views["50 typed models made before"] = models_typed
    views["50 orjson dicts made before"] = lambda product_id: flask.Response(
        orjson.dumps(dicts), content_type="application/json"
    )

    is_body = variant.startswith("body")
    app.add_url_rule("/products/<product_id>", "view", views[variant], methods=["POST" if is_body else "GET"])
    bind_app(app, Registry())
    return app, _environ(
        b'{"product_id":"p1","qty":3}' if is_body else b"", "q=abc&limit=5" if "query" in variant else ""
    )


VARIANTS = (
    ("one jsonify", "one jsonify"),
    ("one typed", "one jsonify"),
    ("one typed from dict", "one jsonify"),
    ("query jsonify", "query jsonify"),
    ("query typed", "query jsonify"),
    ("body jsonify", "body jsonify"),
    ("body typed", "body jsonify"),
    ("50 jsonify dicts", "50 orjson dicts"),
    ("50 orjson dicts", "50 orjson dicts"),
    ("50 typed from rows", "50 orjson dicts"),
    ("50 orjson dicts made before", "50 orjson dicts made before"),
    ("50 typed models made before", "50 orjson dicts made before"),
)


def _environ(body: bytes, query: str) -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/products/p1",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body:
        environ |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json", "body": body}
    return environ


def caller(variant: str) -> Callable[[int], float]:
    """Return the function that makes a number of requests and returns µs of CPU time per request."""
    app, template = make_app(variant)
    body = template.pop("body", b"")
    statuses: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses.append(status)

    def block(count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            answer = app({**template, "wsgi.input": io.BytesIO(body)}, start_response)
            b"".join(answer)
            answer.close()
        spent = time.process_time() - began
        if set(statuses) != {"200 OK"}:
            raise SystemExit(f"{variant}: {set(statuses)}")
        statuses.clear()
        return spent / count * 1e6

    block(500)
    return block


def measure(variant: str, base: str, blocks: int) -> tuple[float, float, float]:
    """Return the µs of a variant and its base, and the median ratio of blocks that ran one after the other."""
    one, other = caller(variant), caller(base)
    pairs = [(one(BLOCK), other(BLOCK)) for _ in range(blocks)]
    mine, bases = zip(*pairs, strict=True)
    return statistics.median(mine), statistics.median(bases), statistics.median(a / b for a, b in pairs)


def main() -> None:
    """Measure every variant beside its base, each pair in a process of its own, and print the table."""
    blocks = sys.argv[1] if len(sys.argv) > 1 else "60"
    for variant, base in VARIANTS:
        command = [sys.executable, __file__, blocks, variant, base]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        mine, bases, ratio = map(float, done.stdout.split())
        print(f"{variant:30} {mine:8.1f} µs  {ratio:5.2f} x {base} ({bases:.1f} µs)")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        print(*measure(sys.argv[2], sys.argv[3], int(sys.argv[1])))
    else:
        main()
