"""What a service gives its pages: a key for their cookie, and who verifies the tokens in it."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from decant import create_app
from decant.auth import generate_key
from decant.auth.browser import browser_setup
from decant.errors import SettingsError
from decant.service import runtime_of

INIT = """
from decant import Module
from decant.auth.browser import BrowserSessions

module = Module(__name__)
sessions = BrowserSessions(module)
"""
VIEWS = """
from flask import render_template_string, request

from shop.desk import module, sessions


@module.get("/form")
def form():
    return render_template_string("{{ csrf_field() }}{{ current_user.subject if current_user }}")


@module.post("/sign-in")
def sign_in():
    return sessions.sign_in(request.form["token"]).subject
"""
PRODUCTION = {"DECANT_ENV": "production", "DECANT_AUTH_SIGNING_KEY": generate_key().decode()}
Make = Callable[..., Flask]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Return what makes the application of a workspace with one module of pages, from an environment."""
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    desk = tmp_path / "shop" / "desk"
    desk.mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").touch()
    (desk / "__init__.py").write_text(INIT)
    (desk / "views.py").write_text(VIEWS)
    (tmp_path / "decant.toml").write_text('[workspace]\nname = "shop"\nmodules = "shop"\n')
    yield lambda **environ: create_app(config=tmp_path / "decant.toml", environ=environ)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def test_the_key_of_the_cookie_is_made_once_for_development(make: Make, tmp_path: Path) -> None:
    assert make().secret_key == make().secret_key
    assert stat.S_IMODE((tmp_path / ".decant" / "keys" / "cookies.key").stat().st_mode) == 0o600


def test_a_key_of_the_settings_is_taken(make: Make) -> None:
    app = make(DECANT_AUTH_COOKIE_KEY="k" * 32)
    assert (app.secret_key, app.config["SESSION_COOKIE_NAME"]) == ("k" * 32, "session")


def test_production_requires_one(make: Make) -> None:
    with pytest.raises(SettingsError, match="The pages of desk have sessions") as refused:
        make(**PRODUCTION)
    assert "DECANT_AUTH_COOKIE_KEY" in str(refused.value)


def test_in_production_the_cookie_is_for_tls_and_this_host_alone(make: Make) -> None:
    app = make(**PRODUCTION, DECANT_AUTH_COOKIE_KEY="k" * 32)
    answer = app.test_client().get("/form", base_url="https://shop.example")
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in answer.headers["Set-Cookie"]


def test_the_service_s_own_tokens_sign_its_browsers_in_until_they_are_revoked(make: Make) -> None:
    app = make()
    identity = runtime_of(app).identity
    token = identity.tokens.issue("ada")
    client = app.test_client()
    found = re.search('value="([^"]+)"', client.get("/form").text)
    assert found
    assert client.post("/sign-in", data={"token": token, "csrf_token": found[1]}).text == "ada"
    assert client.get("/form").text.endswith("ada")
    identity.tokens.revoke(identity.tokens.verify(token))
    assert not client.get("/form").text.endswith("ada")


def test_a_service_without_pages_has_no_key_for_a_cookie(make: Make, tmp_path: Path) -> None:
    (tmp_path / "shop" / "desk" / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    (tmp_path / "shop" / "desk" / "views.py").unlink()
    app = make()
    assert app.secret_key is None
    assert browser_setup(app) is None
    assert not (tmp_path / ".decant" / "keys").exists()


def test_a_module_s_guard_is_asked_about_the_session_s_user(make: Make, tmp_path: Path) -> None:
    init = INIT.replace("Module(__name__)", "Module(__name__, guard=require_user)")
    (tmp_path / "shop" / "desk" / "__init__.py").write_text(f"from decant.auth import require_user\n{init}")
    app = make()
    client = app.test_client()
    answer = client.get("/form")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/form")
    with client.session_transaction() as session:
        session["_token"] = runtime_of(app).identity.tokens.issue("ada")
    assert client.get("/form").text.endswith("ada")
