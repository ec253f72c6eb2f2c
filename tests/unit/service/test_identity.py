"""Who asks, in a service: guards, injection and keys, and nothing of it where nobody wants to know."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from decant import create_app, init_app
from decant.auth import AccessTokens, generate_key
from decant.auth.keyring import ANNOUNCE_S, JWKS_MAX_AGE_S, REREAD_S
from decant.auth.remote_keys import FETCH_AGAIN_S
from decant.errors import AuthenticationError, SetupError
from decant.kit import Kit
from decant.service import runtime_of

Shop = Callable[..., Path]
CART = """
    from decant import Module
    from decant.auth import require_user

    module = Module(__name__, guard=require_user)
"""
ME = """
    from flask.typing import ResponseReturnValue

    from decant import operation, url
    from decant.auth import Principal, anyone


    @operation
    def me(who: Principal) -> dict[str, str]:
        return {"subject": who.subject}


    @operation(guard=anyone)
    def maybe(who: Principal | None) -> dict[str, str]:
        return {"subject": who.subject if who else "nobody"}


    def plain() -> str:
        return "plain"


    urlpatterns = [
        url("/me", view_func=me),
        url("/maybe", view_func=maybe),
        url("/plain", view_func=plain, methods=["GET", "POST"]),
    ]
"""


@pytest.fixture
def app(shop: Shop) -> Any:
    made = create_app(config=shop({"cart/__init__.py": CART, "cart/urls.py": ME}), environ={})
    yield made
    runtime_of(made).stop(1)


def token(app: Flask, subject: str = "ada", **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {runtime_of(app).identity.tokens.issue(subject, **claims)}"}


def test_a_service_that_wants_to_know_nobody_makes_no_keys(shop: Shop, tmp_path: Path) -> None:
    app = create_app(config=shop(), environ={})
    assert not (tmp_path / ".decant" / "keys").exists()
    assert app.test_client().get("/.well-known/jwks.json").status_code == 404
    assert app.test_client().get("/api/cart", headers={"Authorization": "Bearer x"}).status_code == 200


def test_a_modules_guard_stands_before_its_views_and_public_operations(app: Flask) -> None:
    client = app.test_client()
    for path in ("/api/cart", "/me", "/plain"):
        answer = client.get(path)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated"), path
        assert client.get(path, headers=token(app)).status_code == 200
    assert client.get("/api/products/p1").status_code == 200, "another module's"


def test_anyone_opens_what_a_module_guards(app: Flask) -> None:
    assert app.test_client().get("/maybe").json == {"subject": "nobody"}
    assert app.test_client().get("/maybe", headers=token(app)).json == {"subject": "ada"}


def test_who_asks_is_injected(app: Flask) -> None:
    assert app.test_client().get("/me", headers=token(app)).json == {"subject": "ada"}


def test_the_reason_is_told_why_a_token_was_not_taken(app: Flask) -> None:
    answer = app.test_client().get("/me", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json["detail"]) == (401, "The access token is malformed.")


def test_in_production_a_key_is_required_where_it_is_used(shop: Shop) -> None:
    config = shop({"cart/__init__.py": CART})
    with pytest.raises(SetupError, match="no key"):
        create_app(config=config, environ={"DECANT_ENV": "production"})
    key = generate_key().decode()
    app = create_app(config=config, environ={"DECANT_ENV": "production", "DECANT_AUTH_SIGNING_KEY": key})
    assert app.test_client().get("/api/cart", headers=token(app)).status_code == 200
    assert isinstance(runtime_of(app).identity.tokens, AccessTokens)


def challenge(app: Flask, path: str, headers: dict[str, str] | None = None) -> str | None:
    return app.test_client().get(path, headers=headers or {}).headers.get("WWW-Authenticate")


def test_a_401_says_whether_a_token_came_along(app: Flask) -> None:
    for path in ("/plain", "/me", "/api/cart"):
        assert challenge(app, path) == "Bearer"
        assert challenge(app, path, {"Authorization": "Basic YTpi"}) == "Bearer"
        assert challenge(app, path, {"Authorization": "Bearer x"}) == (
            'Bearer error="invalid_token", error_description="The access token is malformed."'
        )


SCOPED = """
    from decant import Module
    from decant.auth import require_scopes

    module = Module(__name__, guard=require_scopes("cart:read", "cart:write"))
"""


def test_a_403_names_the_scopes_that_are_needed(shop: Shop) -> None:
    app = create_app(config=shop({"cart/__init__.py": SCOPED}), environ={})
    answer = app.test_client().get("/api/cart", headers=token(app, scopes=["cart:read"]))
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient-scope")
    assert answer.json["detail"] == "The access token lacks the scope cart:write."
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="cart:read cart:write"'
    assert app.test_client().get("/api/cart", headers=token(app, scopes=["cart:read", "cart:write"])).status_code == 200


def test_what_is_guarded_is_documented_so(app: Flask) -> None:
    document = app.test_client().get("/openapi.json").json
    for path in ("/api/cart", "/me"):
        described = document["paths"][path]["get"]
        assert described["security"] == [{"bearer": []}]
        assert {"401", "403"} <= described["responses"].keys()
    for path in ("/maybe", "/api/products/{product_id}"):
        assert "security" not in document["paths"][path]["get"]
        assert "401" not in document["paths"][path]["get"]["responses"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_public_keys_are_published(app: Flask) -> None:
    answer = app.test_client().get("/.well-known/jwks.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/jwk-set+json")
    assert answer.headers["Cache-Control"] == f"public, max-age={JWKS_MAX_AGE_S}"
    assert [key["alg"] for key in answer.json["keys"]] == ["EdDSA"]


def test_a_shared_secret_is_not_published(shop: Shop) -> None:
    app = create_app(config=shop({"cart/__init__.py": CART}), environ={"JWT_SECRET_KEY": "s" * 32})
    assert app.test_client().get("/.well-known/jwks.json").status_code == 404
    assert app.test_client().get("/api/cart", headers=token(app)).status_code == 200


def test_a_cached_key_set_is_renewed_before_a_new_key_signs() -> None:
    rounding_s = 1
    assert ANNOUNCE_S - rounding_s > REREAD_S + JWKS_MAX_AGE_S + FETCH_AGAIN_S


STATIC = {"cart/__init__.py": CART, "cart/static/style.css": "b {}"}


def test_static_files_of_a_guarded_module_are_for_everybody(shop: Shop) -> None:
    app = create_app(config=shop(STATIC), environ={})
    with app.test_client().get("/static_cart/style.css") as answer:
        assert answer.status_code == 200


def test_a_module_guards_its_views_in_a_plain_application_too(shop: Shop) -> None:
    from importlib import import_module

    config = shop({"cart/__init__.py": CART, "cart/urls.py": ME})
    sys.path.insert(0, str(config.parent))
    app = Flask("plain")
    app.testing = True
    app.register_blueprint(import_module("shop.cart").module)
    for path in ("/plain", "/me"):
        with pytest.raises(AuthenticationError):
            app.test_client().get(path)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"DECANT_AUTH_SIGNING_KEY": "nonsense"}, "not a key in PEM format"),
        ({"JWT_SECRET_KEY": "short"}, "32"),
        ({"DECANT_AUTH_JWKS_URL": "http://keys.example.org/jwks.json"}, "https"),
        ({"DECANT_AUTH_JWKS_URL": "http://127.0.0.1/jwks.json", "JWT_SECRET_KEY": "s" * 32}, "unset one of them"),
        ({"DECANT_AUTH_LIFETIME_S": "0"}, "lifetime_s|LIFETIME_S"),
        ({"REDIS_URL": "http://127.0.0.1", "JWT_SECRET_KEY": "s" * 32}, "REDIS_URL"),
    ],
)
def test_what_is_wrong_with_the_settings_is_told_at_the_start(
    shop: Shop, environ: dict[str, str], message: str
) -> None:
    with pytest.raises(SetupError, match=message):
        create_app(config=shop({"cart/__init__.py": CART}), environ=environ)


def test_the_issuer_and_the_audience_are_the_workspaces_unless_they_are_set(shop: Shop) -> None:
    from decant.auth.compact import parse

    config = shop({"cart/__init__.py": CART})
    for environ, expected in (({}, "shop"), ({"DECANT_AUTH_ISSUER": "us", "DECANT_AUTH_AUDIENCE": "us"}, "us")):
        identity = runtime_of(create_app(config=config, environ=environ)).identity
        claims = parse(identity.tokens.issue("ada")).claims
        assert (claims["iss"], claims["aud"]) == (expected, expected)


SIGN_OUT = """
    from flask.typing import ResponseReturnValue

    from decant import operation, url
    from decant.auth import AccessTokens, LoginLimit, Passwords, Principal, RefreshTokens, SignOut
    from decant.context import Caller


    @operation
    def sign_in(tokens: AccessTokens, refresh: RefreshTokens, limit: LoginLimit, passwords: Passwords) -> dict[str, str]:
        assert limit and passwords
        started = refresh.start("ada")
        return {"access": tokens.issue("ada", session=started.family), "refresh": started.token}


    @operation
    def renew(tokens: AccessTokens, refresh: RefreshTokens, token: str) -> dict[str, str]:
        renewed = refresh.rotate(token)
        return {"access": tokens.issue(renewed.subject, session=renewed.family), "refresh": renewed.token}


    @operation
    def leave(who: Principal, out: SignOut) -> None:
        out.here(who)


    @operation
    def leave_everywhere(who: Principal, out: SignOut) -> None:
        out.everywhere(who.subject)


    @operation
    def me(caller: Caller) -> str:
        return caller.subject or "nobody"


    urlpatterns = [
        url("/in", view_func=sign_in, methods=["POST"]),
        url("/renew", view_func=renew, methods=["POST"]),
        url("/leave", view_func=leave, methods=["POST"]),
        url("/leave-everywhere", view_func=leave_everywhere, methods=["POST"]),
        url("/me", view_func=me),
    ]
"""


@pytest.fixture
def desk(shop: Shop) -> Any:
    made = create_app(config=shop({"cart/urls.py": SIGN_OUT}), environ={})
    yield made
    runtime_of(made).stop(1)


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def test_signing_out_ends_one_sign_in_and_no_other(desk: Flask) -> None:
    client = desk.test_client()
    one, other = client.post("/in").json, client.post("/in").json
    assert client.post("/leave", headers=bearer(one["access"])).status_code == 204
    assert client.get("/me", headers=bearer(one["access"])).json == "nobody"
    assert client.get("/me", headers=bearer(other["access"])).json == "ada"
    assert client.post("/renew", json={"token": one["refresh"]}).status_code == 401
    assert client.post("/renew", json={"token": other["refresh"]}).status_code == 200


def test_signing_out_everywhere_ends_every_sign_in(desk: Flask) -> None:
    client = desk.test_client()
    one, other = client.post("/in").json, client.post("/in").json
    assert client.post("/leave-everywhere", headers=bearer(one["access"])).status_code == 204
    for signed_in in (one, other):
        assert client.get("/me", headers=bearer(signed_in["access"])).json == "nobody"
        assert client.post("/renew", json={"token": signed_in["refresh"]}).status_code == 401


def test_a_refresh_that_is_under_way_while_its_user_signs_out_everywhere_comes_to_nothing(desk: Flask) -> None:
    identity = runtime_of(desk).identity
    renewed = identity.refresh.rotate(identity.refresh.start("ada").token)
    identity.sign_out.everywhere("ada")
    late = identity.tokens.issue("ada", session=renewed.family)
    assert desk.test_client().get("/me", headers=bearer(late)).json == "nobody"
    assert desk.test_client().get("/me", headers=bearer(identity.tokens.issue("ada"))).json == "ada"


def test_a_refresh_token_that_is_used_twice_ends_the_access_tokens_of_its_sign_in(desk: Flask) -> None:
    client = desk.test_client()
    first = client.post("/in").json
    second = client.post("/renew", json={"token": first["refresh"]}).json
    assert client.get("/me", headers=bearer(second["access"])).json == "ada"
    assert client.post("/renew", json={"token": first["refresh"]}).status_code == 401
    assert client.get("/me", headers=bearer(second["access"])).json == "nobody"
    assert client.post("/leave", headers=bearer(second["access"])).json["detail"] == "The access token was revoked."


WITHOUT_EXTRAS = """
import subprocess
import sys

for name in ("cryptography", "argon2", "jwt", "redis"):
    sys.modules[name] = None
from decant import create_app, init_app

client = create_app(config=sys.argv[1], environ={}).test_client()
assert client.get("/api/cart", headers={"Authorization": "Bearer x"}).status_code == 200
"""


def test_a_service_that_wants_to_know_nobody_needs_no_extra(shop: Shop) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS, str(shop())], check=True, timeout=30)


PASSWORDS = """
    from decant import operation, url
    from decant.auth import Passwords


    @operation
    def hash(passwords: Passwords) -> bool:
        return passwords.hash("correct horse").startswith("$argon2id$")


    urlpatterns = [url("/hash", view_func=hash)]
"""


def test_who_only_hashes_passwords_needs_no_key(shop: Shop) -> None:
    app = create_app(config=shop({"cart/urls.py": PASSWORDS}), environ={"DECANT_ENV": "production"})
    assert app.test_client().get("/hash").json is True


def test_modules_in_an_application_with_a_kit_know_who_asks(shop: Shop) -> None:
    from importlib import import_module

    root = shop({"cart/__init__.py": CART, "cart/urls.py": ME}).parent
    sys.path.insert(0, str(root))
    app = Flask("old", root_path=str(root))
    Kit(app, environ={})
    modules = [import_module(f"shop.{name}").module for name in ("catalog", "cart")]
    runtime = init_app(app, modules, prefix="/api", environ={})
    header = {"Authorization": f"Bearer {runtime.identity.tokens.issue('ada')}"}
    assert app.test_client().get("/me").status_code == 401
    assert app.test_client().get("/me", headers=header).json == {"subject": "ada"}
    runtime.stop(1)
