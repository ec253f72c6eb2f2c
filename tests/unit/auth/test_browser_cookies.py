from __future__ import annotations

import pytest
from flask import Flask, session

from decant.auth.browser import cookies, sign_cookies
from decant.errors import SetupError

KEY, OTHER = "k" * 32, "o" * 32


def shop(key: str = KEY, older: tuple[str, ...] = (), *, secure: bool = False, **config: object) -> Flask:
    app = Flask("shop")
    app.config.update(config)
    sign_cookies(app, key, older, secure=secure)

    @app.get("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    return app


def cookie(app: Flask, base: str = "http://localhost") -> str:
    return app.test_client().get("/count", base_url=base).headers["Set-Cookie"]


def test_scripts_and_other_sites_do_not_get_it() -> None:
    sent = cookie(shop())
    assert sent.startswith("session=")
    assert "; HttpOnly; Path=/; SameSite=Lax" in sent
    assert "Secure" not in sent


def test_in_production_it_is_sent_over_tls_only_and_set_by_this_host_alone() -> None:
    sent = cookie(shop(secure=True), "https://shop.example")
    assert sent.startswith("__Host-session=")
    assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in sent
    assert "Domain" not in sent


@pytest.mark.parametrize("config", [{"SESSION_COOKIE_DOMAIN": "example"}, {"APPLICATION_ROOT": "/shop"}])
def test_a_cookie_of_a_domain_or_a_folder_cannot_have_that_prefix(config: dict[str, object]) -> None:
    app = shop(secure=True, **config)
    assert app.config["SESSION_COOKIE_NAME"] == "session"
    assert app.config["SESSION_COOKIE_SECURE"]


def test_what_the_application_has_said_stays() -> None:
    app = shop("short", SECRET_KEY="mine", SESSION_COOKIE_SAMESITE="Strict", SESSION_COOKIE_NAME="s", secure=True)
    assert app.secret_key == "mine"
    assert app.config["SESSION_COOKIE_SAMESITE"] == "Strict"
    assert app.config["SESSION_COOKIE_NAME"] == "s"


@pytest.mark.skipif(not cookies._rotates(), reason="Flask before 3.1 knows one key")
def test_a_cookie_of_an_older_key_is_taken_and_signed_anew() -> None:
    old = cookie(shop(OTHER)).partition(";")[0]
    client = shop(KEY, (OTHER,)).test_client(use_cookies=False)
    answer = client.get("/count", headers={"Cookie": old})
    assert answer.text == "2"
    new = answer.headers["Set-Cookie"].partition(";")[0]
    assert shop(KEY).test_client(use_cookies=False).get("/count", headers={"Cookie": new}).text == "3"


def test_a_cookie_of_an_unknown_key_begins_anew() -> None:
    old = cookie(shop(OTHER)).partition(";")[0]
    assert shop(KEY).test_client(use_cookies=False).get("/count", headers={"Cookie": old}).text == "1"


def test_older_keys_with_a_flask_that_knows_one_key_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookies, "_rotates", lambda: False)
    with pytest.raises(SetupError, match=r"Flask 3\.1"):
        shop(KEY, (OTHER,))


@pytest.mark.parametrize(("key", "older"), [("short", ()), (KEY, ("short",))])
def test_a_short_key_is_refused(key: str, older: tuple[str, ...]) -> None:
    with pytest.raises(SetupError, match="shorter than 32"):
        shop(key, older)
