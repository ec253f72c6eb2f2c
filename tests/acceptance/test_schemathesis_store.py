"""Schemathesis, with all its checks, finds nothing on the shop: in process, and at the public address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis

from decant import create_app
from decant.auth import AccessTokens, Keyring, MemoryRevocations, Revocations, generate_key, key_from_pem
from decant.gateway.paths import canonical_path
from decant.gateway.problems import Refused
from decant.service import runtime_of
from tests.acceptance.accounts import PASSWORD, Shop
from tests.acceptance.running import STORE, copy_workspace
from tests.acceptance.store import STARTS_S, Store
from tests.acceptance.test_schemathesis import config, search

OPERATIONS = {
    "auth": [
        "POST /auth/register", "POST /auth/login", "POST /auth/validate", "POST /auth/logout",
        "POST /api/auth/signup", "POST /api/auth/refresh", "GET /api/auth/me", "POST /api/auth/signout-everywhere",
    ],
    "users": ["GET /users/profile", "PUT /users/profile"],
    "catalog": [
        "GET /api/products", "GET /api/products/{product_id}", "PUT /api/products/{product_id}/stock",
        "GET /api/categories",
    ],
    "cart": [
        "GET /api/cart", "POST /api/cart/items", "PUT /api/cart/items/{product_id}",
        "DELETE /api/cart/items/{product_id}",
    ],
    "orders": [
        "POST /api/checkout", "GET /api/orders", "GET /api/orders/{order_id}", "POST /api/orders/{order_id}/cancel",
        "POST /api/orders/{order_id}/refund", "GET /api/all-orders", "GET /api/stuck-orders",
    ],
    "payments": ["POST /payments/callbacks"],
    "notifications": ["GET /api/mails"],
}  # fmt: skip
EVERY = [operation for operations in OPERATIONS.values() for operation in operations]
SERVED = pytest.mark.topologies("monolith/direct", "services")
Search = Callable[[str, int], None]


def has_plain_path(case: Any) -> bool:
    """Tell whether a gateway takes the path: one that servers read differently it refuses, whatever the schema says."""
    path = urlsplit(requests.Request("GET", f"http://shop{case.formatted_path}").prepare().url).path
    try:
        canonical_path(str(path))
    except Refused:
        return False
    return True


def searcher(
    schema: Any, tokens: AccessTokens, user_id: str, allowed: Callable[[Any], bool] = lambda case: True
) -> Search:
    """Return a search that comes with a fresh token in each request: some of them sign out."""

    def find(operation: str, examples: int) -> None:
        def headers() -> dict[str, str]:
            return {"Authorization": f"Bearer {tokens.issue(user_id)}"}

        search(schema, operation, examples, headers, allowed=allowed)

    return find


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    workspace = copy_workspace(STORE, tmp_path_factory.mktemp("store") / "store", "monolith")
    key = generate_key().decode()
    environ = {"DECANT_ENV": "production", "DECANT_AUTH_SIGNING_KEY": key, "DECANT_AUTH_COOKIE_KEY": "k" * 64}
    app = create_app(config=workspace / "decant.toml", environ=environ)
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    yield app, key
    runtime.stop(1)


@pytest.fixture(scope="module")
def in_process(app: tuple[Any, str]) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", app[0], config=config())


@pytest.fixture(scope="module")
def find_in_process(app: tuple[Any, str], in_process: Any) -> Search:
    person = {"username": "Ada", "email": "ada@example.org", "password": PASSWORD}
    user_id = app[0].test_client().post("/auth/register", json=person).json["user_id"]
    keys = Keyring(key_from_pem(app[1], "a key"))
    tokens = AccessTokens(keys, Revocations(MemoryRevocations()), issuer="store", audience="store")
    return searcher(in_process, tokens, user_id)


@pytest.fixture(scope="session")
def find_served(store: Store) -> Search:
    schema = schemathesis.openapi.from_url(f"{store.running.edge}/openapi.json", config=config())
    return searcher(schema, store.tokens(), Shop(store).ada.user_id, has_plain_path)


@pytest.mark.parametrize("operation", EVERY)
def test_schemathesis_finds_nothing_in_process(find_in_process: Search, operation: str) -> None:
    find_in_process(operation, 25)


@SERVED
@pytest.mark.serving
@pytest.mark.timeout(STARTS_S)
@pytest.mark.parametrize("operation", EVERY)
def test_schemathesis_finds_nothing_over_http(find_served: Search, operation: str) -> None:
    find_served(operation, 8)


@SERVED
@pytest.mark.slow
@pytest.mark.serving
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("operation", EVERY)
def test_schemathesis_finds_nothing_over_http_when_it_searches_longer(find_served: Search, operation: str) -> None:
    find_served(operation, 200)


def test_every_operation_of_the_document_is_searched(in_process: Any) -> None:
    found = [operation.ok().label for operation in in_process.get_all_operations()]
    assert sorted(found) == sorted(EVERY)
