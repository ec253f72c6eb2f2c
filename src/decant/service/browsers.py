"""What a service needs whose pages have sessions: a key for their cookie, and who verifies the tokens in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, request

from decant.auth import Identity
from decant.auth.browser import BrowserSessions, browser_setup, sign_cookies
from decant.auth.keys import load_or_create_secret
from decant.errors import SettingsError
from decant.http.problem import PAGE
from decant.service.plan import Plan
from decant.settings import AuthSettings


def install_browsers(app: Flask, plan: Plan, identity: Identity) -> None:
    """Let the pages of an application keep sessions, where it has such pages.

    Raises:
        SettingsError: In production without a key: another one per host would sign everybody out.
        SetupError: For keys that are unfit, or cannot be read.
    """
    setup = browser_setup(app)
    if setup is None:
        return
    if setup.identify is None:
        identity.open()  # a key that is missing is told now, not to the first user
        setup.identify = identity.identify
    app.extensions[PAGE] = _lost_page(setup.sessions, plan.prefix)
    settings = plan.settings.get(AuthSettings)
    older = [key.get_secret_value() for key in settings.older_cookie_keys]
    key = "" if app.secret_key else _cookie_key(plan, settings, setup.modules)
    sign_cookies(app, key, older, secure=not plan.expose)


def _lost_page(sessions: BrowserSessions, prefix: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return what answers a browser where no view does; below the public prefix there are no pages."""

    def answer(problem: Mapping[str, Any]) -> Any:
        if prefix and request.path.startswith(f"{prefix}/"):
            return None
        return sessions.answer_lost(problem)

    return answer


def _cookie_key(plan: Plan, settings: AuthSettings, modules: list[str]) -> str:
    if settings.cookie_key is not None:
        return settings.cookie_key.get_secret_value()
    if not plan.expose:
        fault = f"The pages of {', '.join(modules)} have sessions, and no key signs their cookie"
        cure = "set DECANT_AUTH_COOKIE_KEY, the same on every host (openssl rand -hex 32)"
        raise SettingsError([f"{fault}: {cure}."])
    return load_or_create_secret(plan.home / "keys" / "cookies.key")
