"""Forged tokens, thousands of them: none is taken (R24)."""

from __future__ import annotations

import time

import jwt
import pytest
from jwt.exceptions import PyJWTError

from decant.auth.keyring import Keyring
from decant.auth.revocation import MemoryRevocations, Revocations
from decant.auth.tokens import AccessTokens
from decant.errors import AuthenticationError
from tests.support.attacks import FAMILIES, Forger, Vector, vectors
from tests.support.attacks.forger import SECRET, private_key
from tests.support.trials import dice, record, trials

pytestmark = pytest.mark.trials


def some(made: list[Vector]) -> list[Vector]:
    """Return all of the vectors, or a twentieth."""
    return dice("vectors").sample(made, trials(len(made)))


def taken_by_pyjwt(forger: Forger, attacks: list[Vector]) -> int:
    """Return how many attacks a plain ``jwt.decode`` takes whose algorithm, issuer and audience are pinned."""
    family = forger.algorithm
    key = SECRET if family == "HS256" else private_key(family).public_key()
    taken = 0
    for _, token in attacks:
        try:
            jwt.decode(token, key, algorithms=[family], audience=forger.audience, issuer=forger.issuer)
            taken += 1
        except (PyJWTError, ValueError, TypeError, RecursionError):
            continue
    return taken


@pytest.mark.parametrize("family", FAMILIES)
def test_no_forged_token_is_taken(family: str) -> None:
    forger = Forger(family, int(time.time()))
    tokens = AccessTokens(Keyring(forger.key), Revocations(MemoryRevocations()), issuer="shop", audience="api")
    attacks, failures = some(vectors(forger)), []
    for name, token in attacks:
        assert tokens.verify(forger.forge()).subject == "ada"
        try:
            tokens.verify(token)
        except AuthenticationError:
            continue
        except Exception as error:  # noqa: BLE001 - whatever else it is, the trial has failed
            failures.append(f"{name}: {error!r}")
        else:
            failures.append(f"{name}: taken")
    record(
        "R24",
        promised=f"No forged or malformed access token is taken ({family})",
        tried="attacks on algorithm, keys, header, claims, base64url, JSON and signature, each beside a good token that passes",
        count=len(attacks),
        failures=failures,
        control=f"PyJWT {jwt.__version__}, the algorithm, issuer and audience pinned: takes {taken_by_pyjwt(forger, attacks)}, "
        "for it asks for no type, no lifetime and no single names",
    )
