"""One typed operation, and lists of fifty, beside what one would write by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson
from flask import Flask, Response, jsonify
from pydantic import BaseModel

from benchmarks.variants.wsgi import caller, silence
from decant.http import bind_app, operation
from decant.kit import Kit, KitSettings
from decant.observe.tracing import Span, encode_spans, spans
from decant.wiring import Registry

Measured = tuple[Callable[[], object], Callable[[], object] | None]
HEADERS = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Request-ID": "a3ce929d0e0e4736"}


class Product(BaseModel):
    id: str
    name: str
    price_cents: int
    stock: int


class Row(NamedTuple):
    """What a database driver gives."""

    id: str
    name: str
    price_cents: int
    stock: int


ROWS = [Row(f"p{number}", f"Product {number}", 1500 + number, number) for number in range(50)]
MODELS = [Product(**row._asdict()) for row in ROWS]


def _dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{"id": r.id, "name": r.name, "price_cents": r.price_cents, "stock": r.stock} for r in rows]


@operation
def one(product_id: str) -> Product:
    return Product(id=product_id, name="Lamp", price_cents=1999, stock=3)


@operation
def prebuilt() -> list[Product]:
    return MODELS


@operation
def from_rows() -> list[Product]:
    return ROWS  # type: ignore[return-value] # rows become models on the way out


@operation
def built_by_hand() -> list[Product]:
    return [Product(id=r.id, name=r.name, price_cents=r.price_cents, stock=r.stock) for r in ROWS]


def jsonify_one(product_id: str) -> Response:
    return jsonify(id=product_id, name="Lamp", price_cents=1999, stock=3)


def by_hand() -> Response:
    return Response(orjson.dumps(_dicts(ROWS)), mimetype="application/json")


def _measured(path: str, view: Callable[..., Any], *, kit: bool) -> Measured:
    silence()
    app = Flask("bench")
    app.add_url_rule("/one/<product_id>" if path.startswith("/one") else path, view_func=view)
    bind_app(app, Registry())
    return _finished(app, path, kit=kit)


def _finished(app: Flask, path: str, *, kit: bool) -> Measured:
    if not kit:
        return caller(app, path, headers=HEADERS), None
    Kit(app, settings=KitSettings(log_format="json"), environ={})
    spans.add_exporter(_encode)
    return caller(app, path, headers=HEADERS), spans.flush


def _encode(batch: Sequence[Span]) -> None:
    """Stand for an exporter: what is left out is the network."""
    encode_spans(batch, {"service.name": "bench"})


def bare() -> Measured:
    return _measured("/one/p1", jsonify_one, kit=False)


def typed() -> Measured:
    return _measured("/one/p1", one, kit=False)


def typed_kit() -> Measured:
    return _measured("/one/p1", one, kit=True)


def list_by_hand() -> Measured:
    return _measured("/many", by_hand, kit=False)


def list_by_hand_kit() -> Measured:
    return _measured("/many", by_hand, kit=True)


def list_prebuilt() -> Measured:
    return _measured("/many", prebuilt, kit=False)


def list_prebuilt_kit() -> Measured:
    return _measured("/many", prebuilt, kit=True)


def list_from_rows() -> Measured:
    return _measured("/many", from_rows, kit=False)


def list_from_rows_kit() -> Measured:
    return _measured("/many", from_rows, kit=True)


def list_built_by_hand_kit() -> Measured:
    return _measured("/many", built_by_hand, kit=True)


def _smorest(*, kit: bool) -> Measured:
    from flask_smorest import Api, Blueprint
    from marshmallow import Schema, fields

    class ProductSchema(Schema):
        id = fields.Str(required=True)
        name = fields.Str(required=True)
        price_cents = fields.Int(required=True)
        stock = fields.Int(required=True)

    silence()
    app = Flask("bench")
    app.config.update(API_TITLE="bench", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    blueprint = Blueprint("products", __name__)

    @blueprint.route("/many")
    @blueprint.response(200, ProductSchema(many=True))
    def many() -> Any:
        return ROWS

    Api(app).register_blueprint(blueprint)
    return _finished(app, "/many", kit=kit)


def smorest() -> Measured:
    return _smorest(kit=False)


def smorest_kit() -> Measured:
    return _smorest(kit=True)
