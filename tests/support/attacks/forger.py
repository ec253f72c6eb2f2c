"""Makes tokens, good ones and bad ones, with a key that the attacked side believes in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from decant.auth.compact import encode
from decant.auth.signing import Key, key_from_private, key_from_secret

SECRET = "a shared secret of 32 bytes, or more"
FAMILIES = ("EdDSA", "ES256", "RS256", "HS256")


def private_key(algorithm: str, number: int = 0) -> Any:
    """Return a private key, the same in the whole run for the same number."""
    return _private_key(algorithm, number)


@cache
def _private_key(algorithm: str, _number: int) -> Any:
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, 2048)


def key_of(algorithm: str, number: int = 0) -> Key:
    """Return a key that signs."""
    if algorithm == "HS256":
        return key_from_secret(SECRET + "!" * number)
    return key_from_private(private_key(algorithm, number))


@dataclass(frozen=True)
class Forger:
    """Signs whatever it is given.

    Attributes:
        algorithm: The family of the attacked key.
        now: The Unix second of the attacked side.
    """

    algorithm: str
    now: int
    issuer: str = "shop"
    audience: str = "api"
    subject: str = "ada"
    key: Key = field(init=False)
    other: Key = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", key_of(self.algorithm))
        object.__setattr__(self, "other", key_of(self.algorithm, 1))

    @property
    def header(self) -> dict[str, Any]:
        return {"typ": "at+jwt", "alg": self.algorithm, "kid": self.key.kid}

    @property
    def claims(self) -> dict[str, Any]:
        return {
            "iss": self.issuer, "aud": self.audience, "sub": self.subject, "iat": self.now, "nbf": self.now,
            "exp": self.now + 3600, "jti": "t1", "scope": "a b", "roles": ["r"],
        }  # fmt: skip

    def forge(
        self, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None, *, key: Key | None = None
    ) -> str:
        """Return a token with other members; ``...`` leaves one out."""
        key = key or self.key
        made = self.header | {"alg": key.algorithm, "kid": key.kid} | (header or {})
        return self.sign(_dumps(made), _dumps(self.claims | (claims or {})), key)

    def sign(self, header: bytes | str, claims: bytes | str, key: Key | None = None) -> str:
        """Return a token with these very texts."""
        signed = self.unsigned(header, claims)
        sign = (key or self.key).sign
        assert sign is not None
        return f"{signed}.{encode(sign(signed.encode()))}"

    def unsigned(self, header: bytes | str | None = None, claims: bytes | str | None = None) -> str:
        """Return the first two parts of a token."""
        parts = (_dumps(self.header) if header is None else header, _dumps(self.claims) if claims is None else claims)
        return ".".join(encode(part.encode() if isinstance(part, str) else part) for part in parts)

    def with_signature(self, signature: bytes) -> str:
        """Return a token whose parts are good, with this signature."""
        return f"{self.unsigned()}.{encode(signature)}"

    def known_to_all(self) -> dict[str, bytes]:
        """Return the texts of the public key in all the forms that a reader may have it in."""
        if self.algorithm == "HS256":
            return {}
        public, jwk = private_key(self.algorithm).public_key(), dict(self.key.jwk or {})
        pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        text = public.public_bytes(pem, spki)
        found = {
            "PEM": text, "PEM, stripped": text.strip(), "PEM with CRLF": text.replace(b"\n", b"\r\n"), "DER": public.public_bytes(der, spki),
            "PEM in one line": b"".join(text.splitlines()), "the base64 of PEM": b"".join(text.splitlines()[1:-1]),
            "JWK": json.dumps(jwk).encode(), "JWK, compact": _dumps(jwk).encode(), "JWKS": _dumps({"keys": [jwk]}).encode(),
            "key id": self.key.kid.encode(), "x or n": (jwk.get("x") or jwk["n"]).encode(),
        }  # fmt: skip
        if self.algorithm == "RS256":
            found["PKCS1"] = public.public_bytes(pem, serialization.PublicFormat.PKCS1)
        if self.algorithm == "EdDSA":
            found["raw"] = public.public_bytes_raw()
        if self.algorithm == "ES256":
            found["point"] = public.public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
        return found


def _dumps(members: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in members.items() if value is not ...}, separators=(",", ":"))
