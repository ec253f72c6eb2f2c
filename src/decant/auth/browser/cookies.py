"""How the session's cookie is signed and sent."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from flask import Flask

from decant.errors import SetupError

LEAST_CHARACTERS = 32
"""Of a key that is given: 128 bits in hexadecimal."""


def sign_cookies(app: Flask, key: str, older: Sequence[str] = (), *, secure: bool) -> None:
    """Have an application sign its session cookie, and send it to nobody but the browser's own requests.

    What the application's configuration says already stays, its secret key above all.

    Args:
        app: The application.
        key: Signs.
        older: Keys whose cookies are still taken.
        secure: Whether the site is reached by TLS alone; the cookie's name then begins with ``__Host-``, which
            keeps other hosts of the domain from setting it.

    Raises:
        SetupError: For a key that is too short, or older keys with a Flask that cannot take them.
    """
    config = app.config
    if not app.secret_key:
        if any(len(each) < LEAST_CHARACTERS for each in (key, *older)):
            raise SetupError(
                f"A key that signs cookies is shorter than {LEAST_CHARACTERS} characters.",
                hint="Make one with: openssl rand -hex 32",
            )
        if older and not _rotates():
            raise SetupError("Keys of older cookies need Flask 3.1.", hint="Upgrade Flask, or unset the older keys.")
        app.secret_key = key
        config["SECRET_KEY_FALLBACKS"] = list(older)
    config["SESSION_COOKIE_SAMESITE"] = config["SESSION_COOKIE_SAMESITE"] or "Lax"
    if secure:
        config["SESSION_COOKIE_SECURE"] = True
        everywhere = not config["SESSION_COOKIE_DOMAIN"] and app.session_interface.get_cookie_path(app) == "/"
        if everywhere and config["SESSION_COOKIE_NAME"] == app.default_config["SESSION_COOKIE_NAME"]:
            config["SESSION_COOKIE_NAME"] = "__Host-session"


def _rotates() -> bool:
    major, minor, *_ = version("flask").split(".")
    return (int(major), int(minor)) >= (3, 1)
