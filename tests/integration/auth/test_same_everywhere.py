"""A guard says the same in whichever way its operation is called: directly, strictly, or in another process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from decant import create_app
from decant.auth import AccessTokens, MemoryRevocations, Revocations
from decant.service import runtime_of
from tests.support.clocks import HandClock
from tests.support.served import serving
from tests.support.three_modules import write_shop

MODES = ["direct", "strict", "remote"]
CATALOG_API = """
    from pydantic import BaseModel

    from decant import Contract, get, post
    from decant.auth import require_roles, require_scopes, require_user


    class Product(BaseModel):
        id: str
        price_cents: int


    class Catalog(Contract):
        @get("/products/<product_id>", public=True)
        def get_product(self, product_id: str) -> Product: ...

        @get("/stock", guard=require_user)
        def stock(self) -> int: ...

        @post("/orders", guard=require_scopes("stock:write"))
        def order(self, count: int) -> int: ...

        @get("/audit", guard=require_roles("admin"))
        def audit(self) -> str: ...

        @get("/mine")
        def mine(self) -> str: ...

        @get("/caller")
        def caller(self) -> str: ...

        @post("/nothing", guard=require_user)
        def nothing(self) -> int: ...
"""
CATALOG_SERVICE = """
    from decant.auth import Principal
    from decant.context import Caller
    from shop.catalog.api import Catalog, Product


    class CatalogService(Catalog):
        def __init__(self, caller: Caller, principal: Principal | None) -> None:
            self.who = caller
            self.principal = principal

        def get_product(self, product_id: str) -> Product:
            return Product(id=product_id, price_cents=1500)

        def stock(self) -> int:
            return 3

        def order(self, count: int) -> int:
            return count

        def audit(self) -> str:
            return "all"

        def mine(self) -> str:
            return self.principal.token_id if self.principal else "nobody's"

        def caller(self) -> str:
            return repr((self.who.subject, sorted(self.who.scopes), sorted(self.who.roles), self.who.refused))

        def nothing(self) -> int:
            return 0
"""
CART_API = """
    from decant import Contract, get, post


    class Cart(Contract):
        @get("/ask/<operation>", public=True)
        def ask(self, operation: str) -> dict[str, object]: ...

        @get("/pass/<operation>", public=True)
        def hand_on(self, operation: str) -> object: ...

        @post("/write", public=True)
        def write(self) -> int: ...
"""
CART_SERVICE = """
    from decant.errors import DomainError
    from shop.cart.api import Cart
    from shop.catalog.api import Catalog


    class CartService(Cart):
        def __init__(self, catalog: Catalog) -> None:
            self.catalog = catalog

        def ask(self, operation: str) -> dict[str, object]:
            try:
                return {"result": self.hand_on(operation)}
            except DomainError as error:
                return {"class": type(error).__name__, "code": error.code, "detail": error.detail} | error.fields()

        def hand_on(self, operation: str) -> object:
            arguments = {"order": [2]}
            return getattr(self.catalog, operation)(*arguments.get(operation, []))

        def write(self) -> int:
            return self.catalog.nothing()
"""
FILES = {
    "catalog/api.py": CATALOG_API,
    "catalog/service.py": CATALOG_SERVICE,
    "cart/api.py": CART_API,
    "cart/service.py": CART_SERVICE,
    "web/urls.py": "urlpatterns = []\n",
}


@contextmanager
def shop_in(mode: str, config: Path, environ: Mapping[str, str]) -> Iterator[Flask]:
    """Return the application with the cart, its catalog called in a mode."""
    with ExitStack() as stack:
        if mode == "remote":
            catalog = create_app("catalog", "services", config, environ=environ)
            stack.callback(runtime_of(catalog).stop, 1)
            url = stack.enter_context(serving(catalog))
            app = create_app("cart", "services", config, environ={**environ, "CATALOG_SERVICE_URL": url})
        else:
            app = create_app("*", "monolith", config, environ={**environ, "DECANT_CALLS_MODE": mode})
        stack.callback(runtime_of(app).stop, 1)
        yield app


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        yield write_shop(tmp_path_factory.mktemp("shop"), FILES) / "decant.toml"
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.fixture(scope="module", params=MODES)
def app(request: pytest.FixtureRequest, config: Path) -> Iterator[Flask]:
    with shop_in(request.param, config, {}) as made:
        yield made


def bearer(app: Flask, kind: str) -> dict[str, str]:
    """Return the header of somebody of a kind."""
    identity = runtime_of(app).identity
    past = AccessTokens(
        identity.keys, Revocations(MemoryRevocations()), issuer="shop", audience="shop", clock=HandClock()
    )
    other = AccessTokens(identity.keys, Revocations(MemoryRevocations()), issuer="shop", audience="other")
    if kind == "nobody":
        return {}
    if kind == "garbage":
        return {"Authorization": "Bearer a.b.c"}
    if kind == "revoked":
        token = identity.tokens.issue("ada")
        identity.tokens.revoke(identity.tokens.verify(token))
    else:
        token = {
            "user": lambda: identity.tokens.issue("ada"),
            "writer": lambda: identity.tokens.issue("ada", scopes=["stock:write"]),
            "admin": lambda: identity.tokens.issue("ada", roles=["admin"]),
            "expired": lambda: past.issue("ada"),
            "of another": lambda: other.issue("ada"),
        }[kind]()
    return {"Authorization": f"Bearer {token}"}


MISSING, EXPIRED = "The access token is missing.", "The access token has expired."
FORGED, REVOKED = "The access token is malformed.", "The access token was revoked."
FOREIGN = "The access token is for another audience."


@pytest.mark.parametrize("operation", ["stock", "order", "audit"])
@pytest.mark.parametrize(
    ("kind", "detail"),
    [("nobody", MISSING), ("expired", EXPIRED), ("garbage", FORGED), ("revoked", REVOKED), ("of another", FOREIGN)],
)
def test_who_is_not_signed_in_is_told_why(app: Flask, kind: str, detail: str, operation: str) -> None:
    headers = bearer(app, kind)
    asked = app.test_client().get(f"/api/ask/{operation}", headers=headers)
    assert asked.json == {"class": "AuthenticationError", "code": "unauthenticated", "detail": detail}
    edge = app.test_client().get(f"/api/pass/{operation}", headers=headers)
    expected = f'Bearer error="invalid_token", error_description="{detail}"' if headers else "Bearer"
    assert (edge.status_code, edge.json["detail"], edge.headers["WWW-Authenticate"]) == (401, detail, expected)


@pytest.mark.parametrize(
    ("kind", "operation", "result"), [("user", "stock", 3), ("writer", "order", 2), ("admin", "audit", "all")]
)
def test_who_may_call_is_let_in(app: Flask, kind: str, operation: str, result: object) -> None:
    assert app.test_client().get(f"/api/ask/{operation}", headers=bearer(app, kind)).json == {"result": result}


def test_who_lacks_a_scope_is_told_which(app: Flask) -> None:
    asked = app.test_client().get("/api/ask/order", headers=bearer(app, "user"))
    assert asked.json == {
        "class": "InsufficientScope",
        "code": "insufficient-scope",
        "detail": "The access token lacks the scope stock:write.",
        "scope": "stock:write",
    }
    edge = app.test_client().get("/api/pass/order", headers=bearer(app, "user"))
    assert edge.status_code == 403
    assert edge.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="stock:write"'


def test_who_lacks_a_role_is_refused(app: Flask) -> None:
    asked = app.test_client().get("/api/ask/audit", headers=bearer(app, "writer"))
    assert (asked.json["class"], asked.json["code"]) == ("PermissionDeniedError", "permission-denied")


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("user", ("ada", [], [], None)),
        ("writer", ("ada", ["stock:write"], [], None)),
        ("admin", ("ada", [], ["admin"], None)),
        ("nobody", (None, [], [], None)),
        ("expired", (None, [], [], EXPIRED)),
    ],
)
def test_the_caller_is_the_same_for_what_is_called(app: Flask, kind: str, who: object) -> None:
    assert app.test_client().get("/api/ask/caller", headers=bearer(app, kind)).json == {"result": repr(who)}


def test_whom_a_token_speaks_for_is_known_to_what_is_called(app: Flask) -> None:
    client, headers = app.test_client(), bearer(app, "user")
    principal = runtime_of(app).identity.tokens.verify_header(headers["Authorization"])
    assert client.get("/api/ask/mine", headers=headers).json == {"result": principal.token_id}
    for kind in ("nobody", "expired"):
        assert client.get("/api/ask/mine", headers=bearer(app, kind)).json == {"result": "nobody's"}


@pytest.mark.parametrize("mode", MODES)
def test_while_the_store_of_revocations_is_down_reading_goes_on_and_writing_waits(mode: str, config: Path) -> None:
    with shop_in(mode, config, {"REDIS_URL": "redis://127.0.0.1:1/0"}) as app:
        keys = runtime_of(app).identity.keys
        tokens = AccessTokens(keys, Revocations(MemoryRevocations()), issuer="shop", audience="shop")
        headers = {"Authorization": f"Bearer {tokens.issue('ada')}"}
        client = app.test_client()
        assert client.get("/api/ask/stock", headers=headers).json == {"result": 3}
        answer = client.post("/api/write", headers=headers)
        assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
        for operation in ("nothing", "order"):
            answer = client.get(f"/api/pass/{operation}", headers=headers)  # a page that reads calls what writes
            assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
        assert client.post("/api/write").status_code == 401, "without a token there is nothing to ask about"
        assert client.post("/api/write", headers=bearer(app, "garbage")).status_code == 401
