"""Verifying a token: the first time, and every time after."""

from __future__ import annotations

from collections.abc import Callable

from decant.auth import ServiceTokens, generate_key, parse_key


def _tokens() -> tuple[ServiceTokens, str]:
    key = parse_key(generate_key())
    return ServiceTokens(key, "catalog"), ServiceTokens(key, "orders").issue("catalog")


def cached() -> Callable[[], object]:
    tokens, token = _tokens()
    return lambda: tokens.verify(token, "catalog")


def first_time() -> Callable[[], object]:
    tokens, token = _tokens()

    def verify() -> object:
        tokens._known.clear()
        return tokens.verify(token, "catalog")

    return verify
