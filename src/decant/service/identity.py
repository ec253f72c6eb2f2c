"""Who asks, wired into a service; only where something wants to know.

A service without guards, in which nothing asks for a caller or a token, opens no key and needs no extra.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from decant.auth import AccessTokens, Identity, LoginLimit, Passwords, Principal, RefreshTokens, SignOut
from decant.auth.keyring import JWKS_MAX_AGE_S
from decant.context import Caller, current
from decant.http import registered_operations
from decant.kit import identify_callers
from decant.service.plan import Plan
from decant.service.wire import Wiring
from decant.settings import AuthSettings, Urls
from decant.wiring import Factory, Registry, Scope

JWKS_PATH = "/.well-known/jwks.json"


class ServiceIdentity:
    """The identity of one service.

    Attributes:
        made: Holds keys, tokens and their stores.
    """

    def __init__(self, plan: Plan) -> None:
        self.made = Identity(
            plan.settings.get(AuthSettings),
            workspace=plan.workspace or plan.name,
            home=plan.home,
            urls=plan.settings.get(Urls),
            production=not plan.expose,
        )
        self._wanted = self.made.configured

    def provide(self, registry: Registry) -> None:
        """Let every module ask who asks, and for what signing in needs."""
        made = self.made
        registry.add_deferred(Caller, self._of_call(lambda scope: current.get().caller))
        registry.add_deferred(Principal, self._of_call(lambda scope: made.principal()))
        registry.add_deferred(Principal | None, self._of_call(_principal_or_none(made)))
        registry.add_deferred(AccessTokens, self._shared(lambda: made.tokens))
        registry.add_deferred(RefreshTokens, self._shared(lambda: made.refresh))
        registry.add_deferred(SignOut, self._shared(lambda: made.sign_out))
        registry.add_deferred(Passwords, self._shared(lambda: made.passwords, keys=False))
        registry.add_deferred(LoginLimit, self._shared(lambda: made.limit, keys=False))

    def install(self, app: Flask, wiring: Wiring) -> None:
        """Let the kit ask who sends a request, and publish the keys; once everything is mounted.

        Raises:
            SetupError: For keys that are missing, unfit or too many.
        """
        if not (self._wanted or _has_guards(app, wiring)):
            return
        self.made.open()
        identify_callers(app, self.made.identify)
        if self.made.jwks() is not None and JWKS_PATH not in {rule.rule for rule in app.url_map.iter_rules()}:
            app.add_url_rule(JWKS_PATH, "decant_jwks", self._publish, methods=["GET"])

    def _of_call(self, get: Factory) -> Callable[[], Factory]:
        """Return what prepares a value that each call has of its own."""

        def prepare() -> Factory:
            self._wanted = True
            self.made.open()
            return get

        return prepare

    def _shared(self, make: Callable[[], Any], *, keys: bool = True) -> Callable[[], Factory]:
        """Return what prepares one value for all calls, made while the service starts: what is wrong is told then."""

        def prepare() -> Factory:
            self._wanted = self._wanted or keys
            value = make()
            return lambda scope: value

        return prepare

    def _publish(self) -> ResponseReturnValue:
        answer = jsonify(self.made.jwks())
        answer.mimetype = "application/jwk-set+json"
        answer.cache_control.public = True
        answer.cache_control.max_age = JWKS_MAX_AGE_S
        return answer


def _principal_or_none(made: Identity) -> Factory:
    def get(scope: Scope) -> Principal | None:  # noqa: ARG001 - a factory gets it
        return made.principal() if current.get().caller.subject is not None else None

    return get


def _has_guards(app: Flask, wiring: Wiring) -> bool:
    """Return whether a guard stands before anything here."""
    operations = (
        declared.declaration
        for hosted in wiring.hosted.values()
        for info in hosted.services
        for declared in info.operations.values()
    )
    views = (registered.operation.declaration for registered in registered_operations(app))
    return any(hosted.module.guard is not None for hosted in wiring.hosted.values()) or any(
        declaration.guard is not None for declaration in (*operations, *views)
    )
