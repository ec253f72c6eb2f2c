"""Which requests come from another service of the workspace."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from flask import request

from decant.context import Caller
from decant.errors import AuthenticationError, DecantError
from decant.kit.proxies import PEER
from decant.rpc import SERVICE_TOKEN_HEADER, TOKEN_REFUSED
from decant.service.edge import mark_for_edge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

INTERNAL = "decant.internal"
"""The environ key that says that a request comes from another service; the value is its Caller."""

INTERNAL_PREFIX = "/-"
"""What :class:`InternalCalls` puts before the path of a call from another service."""

_HEADER = f"HTTP_{SERVICE_TOKEN_HEADER.upper().replace('-', '_')}"


class TokenRefused(AuthenticationError, code=TOKEN_REFUSED, status=401):
    """This operation is for other services only."""


class TokenVerifier(Protocol):
    """Tells whether a service token is genuine."""

    def verify(self, token: str, audience: str) -> Caller:
        """Return the calling service.

        Raises:
            AuthenticationError: When the token is not valid for this audience.
        """
        ...


class InternalCalls:
    """WSGI middleware that marks and routes requests which carry a valid service token.

    It comes before everything else: the deadline and the leniency towards unknown fields depend on it. Their
    paths get :data:`INTERNAL_PREFIX`, so that a page and an operation may have the same path in any grouping.
    A request with a token that is not valid is routed there too, without the mark, so that it is refused and not
    answered as an outsider's. An outsider's own path below the prefix leads nowhere, however it is spelled.

    Args:
        app: What it stands before.
        tokens: Verifies service tokens.
        service: This one's name.
        trusts_proxies: Whether the gateway is known by its address: then nobody else is believed to be it.
    """

    def __init__(
        self, app: WSGIApplication, tokens: TokenVerifier, service: str, *, trusts_proxies: bool = False
    ) -> None:
        self.app = app
        self.trusts_proxies = trusts_proxies
        self.tokens = tokens
        self.service = service

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        token = environ.get(_HEADER)
        if token is not None:
            try:
                environ[INTERNAL] = self.tokens.verify(token, self.service)
            except DecantError as error:
                log.warning("refused a service token: %s", error.detail)
            environ["PATH_INFO"] = INTERNAL_PREFIX + environ.get("PATH_INFO", "/")
        elif _is_below_prefix(environ.get("PATH_INFO", "")):
            environ["PATH_INFO"] = INTERNAL_PREFIX  # itself no route: the same 404 for whatever lies below
        elif PEER in environ or not self.trusts_proxies:
            mark_for_edge(environ)
        return self.app(environ, start_response)


def _is_below_prefix(path: str) -> bool:
    """Return whether routing might take a path for one between services; it merges slashes."""
    return f"/{path.lstrip('/')}/".startswith(f"{INTERNAL_PREFIX}/")


def require_service() -> None:
    """Refuse a request that does not come from another service.

    Raises:
        TokenRefused: Without a valid service token.
    """
    if INTERNAL not in request.environ:
        raise TokenRefused("This operation is for other services only.")
