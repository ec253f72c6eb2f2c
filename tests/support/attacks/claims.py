"""Attacks by the claims: of the wrong type, for others, from others, too early, too late and too long."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.attacks.forger import Forger

YEAR_S = 366 * 86400


def claims(forger: Forger) -> Iterator[tuple[str, str]]:
    """Yield tokens with claims that must not be believed."""
    now = forger.now
    for name in ("iss", "aud", "sub", "iat", "exp", "jti"):
        for value in (..., None, "", [], {}, True, -1, 1.5, [["api"]], {"api": 1}):
            yield f"{name} {value!r}", forger.forge(claims={name: value})
    for name in ("iat", "exp", "nbf"):
        for value in (
            str(now),
            float(now),
            f"{now + 60}",
            2**53,
            10**30,
            [now + 60],
            -now,
            1e300,
            "\u0661\u0662",
            "now",
        ):
            yield f"{name} {type(value).__name__} {str(value)[:5]}", forger.forge(claims={name: value})
    for value in (True, None, {}):
        yield f"nbf {value!r}", forger.forge(claims={"nbf": value})
    yield "expired", forger.forge(claims={"iat": now - 7200, "nbf": now - 7200, "exp": now - 5})
    yield "expired long ago", forger.forge(claims={"iat": 1, "nbf": 1, "exp": 2})
    yield "not yet issued", forger.forge(claims={"iat": now + 600})
    yield "not yet good", forger.forge(claims={"nbf": now + 600})
    yield "issued at its end", forger.forge(claims={"exp": now})
    yield "issued after its end", forger.forge(claims={"exp": now - 1})
    yield "milliseconds", forger.forge(claims={"exp": (now + 3600) * 1000})
    yield "all in milliseconds", forger.forge(claims=dict.fromkeys(("iat", "nbf", "exp"), now * 1000))
    yield "good for a year", forger.forge(claims={"exp": now + YEAR_S})
    yield "good for ever", forger.forge(claims={"exp": 2**53 - 1})
    yield "no claims", forger.forge(claims=dict.fromkeys(forger.claims, ...))
    yield from _names(forger)


def _names(forger: Forger) -> Iterator[tuple[str, str]]:
    iss, aud = forger.issuer, forger.audience
    for issuer in (
        f"{iss} ", f" {iss}", iss.upper(), f"{iss}/", f"https://{iss}", "evil", [iss], {iss: 1}, f"{iss}\0", f"{iss}\n", iss[:-1] + "\u0440", f"{iss}.evil.example",
        iss[:-1], f"{iss},evil", f"evil,{iss}", "*",
    ):  # fmt: skip
        yield f"issuer {issuer!r}", forger.forge(claims={"iss": issuer})
    for audience in (
        f"{aud} ", aud.upper(), f"{aud}/", aud[:-1], f"{aud}s", "evil", ["evil"], [aud.upper()], [aud, 1], [aud, None], [aud, ["x"]], [[aud]], {aud: aud}, f"{aud},evil",
        f"evil {aud}", "*", ["*"], f"{aud}\0", [f"{aud} "],
    ):  # fmt: skip
        yield f"audience {audience!r}", forger.forge(claims={"aud": audience})
    for subject in (5, ["ada"], {"id": "ada"}, "a\0", "a\nb", "x" * 256, "\u202eada", "\u200bada"):
        yield f"subject {subject!r}"[:40], forger.forge(claims={"sub": subject})
    for changes in (
        {"scope": ["a"]}, {"scope": None}, {"scope": 1}, {"scope": {}}, {"scope": True}, {"scope": "a\tb"}, {"scope": "a\u00a0b"}, {"scope": "ü"}, {"scope": "a\0"}, {"roles": "admin"},
        {"roles": None}, {"roles": [1]}, {"roles": [["admin"]]}, {"roles": {"admin": 1}}, {"roles": [""]}, {"roles": [None]}, {"roles": True}, {"roles": ["x" * 256]}, {"sid": None}, {"sid": 1},
        {"sid": ""}, {"sid": []}, {"sid": "a\n"}, {"jti": "x" * 256}, {"jti": "a\0"}, {"jti": ["t1"]}, {"jti": {"t1": 1}},
    ):  # fmt: skip
        yield f"{changes}"[:40], forger.forge(claims=changes)
