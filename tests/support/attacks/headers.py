"""Attacks by the header: the algorithm, keys that the token brings, extensions, types and key ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.attacks.forger import FAMILIES, Forger, key_of

NONE = ("none", "None", "NONE", "nOnE", "noNe", "none ", " none", "none\0", "none\n", "n\u043ene", "", None, 0, False)
ALGORITHMS = (
    [], ["EdDSA"], {"EdDSA": 1}, True, 1.5, "eddsa", "EDDSA", "Ed25519", "Ed448", "HS256", "hs256", "HS384", "HS512", "HS1", "RS256", "rs256", "RS1", "RS384", "RS512",
    "PS256", "PS384", "PS512", "ES256", "es256", "ES384", "ES512", "ES256K", "dir", "A128KW", "RSA-OAEP", "RSA1_5", "PBES2-HS256+A128KW", "EdDSA\0", " EdDSA", "*", "any", ...,
)  # fmt: skip
TYPES = (
    "JWT", "jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "at+jwt ", " at+jwt", "at+jwt\0", "at jwt", "", None, 1, True, ["at+jwt"], {"at+jwt": 1}, "decant-service+jwt", "refresh+jwt",
    "id+jwt", "logout+jwt", "dpop+jwt", "JOSE", "JOSE+JSON", "secevent+jwt", "at+jwt;charset=utf-8", ...,
)  # fmt: skip
PATHS = (
    "../../../../dev/null", "/dev/null", "/etc/passwd", "/proc/self/environ", "keys/../keys", "file:///etc/passwd", "..\\..\\windows\\win.ini", "....//....//etc/passwd",
    "%2e%2e%2f", "%2Fdev%2Fnull", "/dev/null\0.pem", "\\\\evil.example\\share\\key", "https://evil.example/k", "http://127.0.0.1/k", "gopher://127.0.0.1:6379/_",
    "000000000000.pem", "000000000000", "keys/users/000000000000.pem", "\u2025/x", "~/.ssh/id_rsa", "C:\\key.pem", "php://input", "data:text/plain,AA",
)  # fmt: skip
QUERIES = (
    "' OR '1'='1", "x' UNION SELECT 'AA", "'; DROP TABLE revoked; --", "\" OR \"\"=\"", "1; SELECT pg_sleep(5)", "x' AND 1=CAST((SELECT version()) AS int)--", "*", "%", "_",
    "*)(uid=*", "{\"$ne\": null}", "$(id)", "`id`", "|id", "; id", "\r\nSET a b", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "%s%s%n", "<script>alert(1)</script>", "__proto__", "constructor", "__class__",
)  # fmt: skip


def algorithms(forger: Forger) -> Iterator[tuple[str, str]]:
    """Yield tokens that choose another algorithm, and tokens that choose none."""
    for alg in (*NONE, *ALGORITHMS):
        if alg == forger.algorithm:
            continue
        header = {"alg": alg}
        yield f"alg {alg!r}, signed by the real key", forger.forge(header)
        named = {name: value for name, value in (forger.header | header).items() if value is not ...}
        yield f"alg {alg!r}, no signature", forger.unsigned(json.dumps(named)) + "."
    for alg in NONE[:4]:
        named = {"alg": alg, "typ": "at+jwt"}
        yield f"alg {alg!r}, no key id", forger.unsigned(json.dumps(named)) + "."
        yield f"alg {alg!r} and nothing else", forger.unsigned(json.dumps({"alg": alg})) + "."
        yield f"alg {alg!r}, no third part", forger.unsigned(json.dumps(forger.header | named))
    for family in FAMILIES:
        stranger = key_of(family, 1)
        yield f"a {family} key of the sender", forger.forge(key=stranger)
        yield (
            f"a {family} key of the sender under the real key's name",
            forger.forge({"kid": forger.key.kid}, key=stranger),
        )
        yield (
            f"a {family} key of the sender under the real key's name and algorithm",
            forger.forge({"kid": forger.key.kid, "alg": forger.algorithm}, key=stranger),
        )


def headers(forger: Forger) -> Iterator[tuple[str, str]]:
    """Yield tokens with headers that no token of ours has."""
    for name, value in _members(forger).items():
        yield f"{name} in the header", forger.forge({name: value})
        yield f"{name} in the header, signed by the sender's key", forger.forge({name: value}, key=forger.other)
        yield (
            f"{name} in the header, signed by the sender's key, under the real name",
            forger.forge({name: value, "kid": forger.key.kid}, key=forger.other),
        )
    yield "crit with an extension that is named", forger.forge({"crit": ["b64"], "b64": True})
    yield "crit with b64 false", forger.forge({"crit": ["b64"], "b64": False})
    for crit in ([], ["alg"], ["kid"], ["x", "x"], "exp", None, [1], {"exp": 1}):
        yield f"crit {crit!r}", forger.forge({"crit": crit})
    for typ in TYPES:
        yield f"typ {typ!r}", forger.forge({"typ": typ})
    for kid in (None, "", 0, 1.5, [], {}, True, ..., forger.other.kid, *_near(forger.key.kid), *PATHS, *QUERIES):
        yield f"kid {kid!r}"[:70], forger.forge({"kid": kid})


def _near(kid: str) -> Iterator[Any]:
    yield from (
        f"{kid} ",
        f" {kid}",
        kid[:-1],
        f"{kid}A",
        kid.swapcase(),
        f"{kid}\0",
        f"{kid}\n",
        f"./{kid}",
        f"{kid}.pem",
    )
    yield from ("x" * 129, "x" * 5000, [kid], {"kid": kid}, "\ufeff" + kid)


def _members(forger: Forger) -> dict[str, Any]:
    own = dict(forger.other.jwk or {"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    off_curve = {"kty": "EC", "crv": "P-256", "x": "A" * 42 + "E", "y": "A" * 42 + "I", "kid": forger.key.kid}
    return {
        "jwk": own, "jwk of a point that is not on its curve": off_curve, "jwk of the empty secret": {"kty": "oct", "k": ""},
        "jku": "https://evil.example/keys", "jku of this machine": "http://127.0.0.1/keys", "x5u": "https://evil.example/cert", "x5c": ["MIIB"], "x5t": "AA", "x5t#S256": "AA",
        "b64": False, "zip": "DEF", "enc": "A128GCM", "cty": "JWT", "epk": own, "p2c": 2**31, "p2s": "AA", "apu": "AA", "nonce": "1", "url": "https://evil.example", "iss": "shop", "exp": 9**9, "key": "x", "KID": "x",
    }  # fmt: skip
