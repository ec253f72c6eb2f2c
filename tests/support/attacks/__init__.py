"""Attacks on access tokens, by name: what readers of tokens have got wrong before, made anew with keys of our own.

Most forge with the real signing key, so that nothing but the attacked rule stands in the way.

Source: RFC 8725, RFC 7515 and 7520, published advisories, and the kinds of vectors in Project Wycheproof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from tests.support.attacks.claims import claims
from tests.support.attacks.encodings import encodings
from tests.support.attacks.forger import FAMILIES, Forger
from tests.support.attacks.headers import algorithms, headers
from tests.support.attacks.signatures import secrets, signatures

Vector: TypeAlias = tuple[str, str]
PARTS: tuple[Callable[[Forger], Iterator[Vector]], ...] = (algorithms, secrets, headers, claims, encodings, signatures)

__all__ = ["FAMILIES", "PARTS", "Forger", "Vector", "vectors"]


def vectors(forger: Forger) -> list[Vector]:
    """Return every attack on a forger's key: its name, and the token. No name and no token is there twice."""
    named: dict[str, str] = {}
    for name, token in (vector for part in PARTS for vector in part(forger)):
        named[name if name not in named else f"{name} ({len(named)})"] = token
    return [(name, token) for token, name in {token: name for name, token in named.items()}.items()]
