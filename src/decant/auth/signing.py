"""Keys that sign and verify: each knows its one algorithm, and no token can choose another.

Source: RFC 7518 (ES256, RS256, HS256), RFC 8037 (EdDSA), RFC 7517 (JWK), RFC 7638 (thumbprint), RFC 8725 3.1-3.5.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson

from decant.auth.compact import Malformed, decode, encode
from decant.errors import MissingExtra, SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    Private: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey
    Public: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

Algorithm: TypeAlias = Literal["EdDSA", "ES256", "RS256", "HS256"]
SHORTEST_SECRET_BYTES = 32
SHORTEST_RSA_BITS = 2048
LONGEST_RSA_BITS = 8192
"""A longer key would cost every verification milliseconds."""
LONGEST_KID = 128

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALGORITHM_OF = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}

# Points of small order, the sign bit cleared: under such a "public key" anybody's signature holds.
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Key:
    """One key with its one algorithm. Make it with :func:`key_from_pem`, `key_from_secret` or `key_from_jwk`.

    Attributes:
        kid: Names the key in tokens.
        algorithm: The only one it is used with.
        verify: Tells whether a signature of some bytes is this key's; never raises for wrong ones.
        sign: Signs bytes; None for a key that can only verify.
        jwk: The public half as JWK; None for a shared secret, which has none.
    """

    kid: str
    algorithm: Algorithm
    verify: Callable[[bytes, bytes], bool]
    sign: Callable[[bytes], bytes] | None
    jwk: Mapping[str, str] | None

    def __repr__(self) -> str:
        return f"Key({self.kid!r}, {self.algorithm})"


def key_from_secret(secret: str | bytes) -> Key:
    """Return the key (HS256) of a shared secret.

    Raises:
        SetupError: For fewer than 32 bytes, or for a PEM text: a public key is no secret.
    """
    raw = secret.encode() if isinstance(secret, str) else bytes(secret)
    if len(raw) < SHORTEST_SECRET_BYTES:
        raise SetupError(
            f"JWT_SECRET_KEY has {len(raw)} bytes; HS256 needs {SHORTEST_SECRET_BYTES} at least (RFC 7518, 3.2).",
            hint="Make one with: openssl rand -base64 48",
        )
    if b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-")):
        raise SetupError(
            "JWT_SECRET_KEY holds a key file, not a secret.",
            hint="Give the private key as the signing key instead: its public half is known to others.",
        )

    def sign(data: bytes) -> bytes:
        return hmac.digest(raw, data, "sha256")

    def verify(data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(sign(data), signature)

    return Key(encode(sign(b"decant key id"))[:22], "HS256", verify, sign, None)


def key_from_pem(pem: str | bytes, origin: str = "the signing key") -> Key:
    """Return the key in a PEM text: a private key signs and verifies, a public one verifies.

    Args:
        pem: Ed25519 (EdDSA), P-256 (ES256) or RSA of 2048 to 8192 bits (RS256). Never repeated in an error.
        origin: Where it came from, for the error.

    Raises:
        SetupError: For anything else.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    except ImportError as error:
        raise MissingExtra("cryptography", "auth") from error
    raw = pem.encode() if isinstance(pem, str) else pem
    try:
        if b"PRIVATE KEY-----" in raw:
            return key_from_private(load_pem_private_key(raw, None), origin)
        return _public_key(load_pem_public_key(raw), origin)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        escaped = b"\\n" in raw
        raise SetupError(
            f"{origin} is not a key in PEM format, or it is encrypted.",
            hint="Its lines are parted by a backslash and an n: give real line ends, or a file in DECANT_SECRETS_DIR."
            if escaped
            else "Make one with: openssl genpkey -algorithm ed25519",
        ) from error


def key_from_private(private: Any, origin: str = "the signing key") -> Key:
    """Return the key that signs with a loaded private key.

    Raises:
        SetupError: For another kind of key, another curve, or RSA outside of 2048 to 8192 bits.
    """
    if not hasattr(private, "public_key"):
        raise _unfit(origin)
    public = _public_key(private.public_key(), origin)
    return Key(public.kid, public.algorithm, public.verify, _signer(private, public.algorithm), public.jwk)


def key_from_jwk(jwk: Mapping[str, Any]) -> Key:
    """Return the key of a public JWK, for verifying.

    Raises:
        Malformed: For a secret or private key, one that is not for signatures or not of a kind that is used here,
            and for wrong members.
    """
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise Malformed("the key set holds a private key or a shared secret")
    use, operations = jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    if use != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise Malformed("the key is not for signatures")
    kind, curve = jwk.get("kty"), jwk.get("crv")
    algorithm = _ALGORITHM_OF.get((kind, curve)) if isinstance(kind, str) and isinstance(curve, str | None) else None
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        raise Malformed("the key is of a kind that is not used")
    try:
        key = _public_key(_numbers(jwk, algorithm), "the key")
    except (ValueError, SetupError) as error:
        raise Malformed("the key is not sound") from error
    kid = jwk.get("kid", key.kid)
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_KID:
        raise Malformed("the key's id is not a text")
    return Key(kid, key.algorithm, key.verify, None, {**(key.jwk or {}), "kid": kid})


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of a public JWK (RFC 7638)."""
    members = {name: jwk[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in jwk}
    return encode(hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest())


def _numbers(jwk: Mapping[str, Any], algorithm: str) -> Public:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if algorithm == "EdDSA":
        return ed25519.Ed25519PublicKey.from_public_bytes(_member(jwk, "x", 32))
    if algorithm == "ES256":
        x, y = (int.from_bytes(_member(jwk, name, 32)) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    modulus, exponent = (_member(jwk, name, None) for name in ("n", "e"))
    if len(modulus) * 8 > LONGEST_RSA_BITS or len(exponent) > 8 or modulus[0] == 0 or exponent[0] == 0:
        raise Malformed("the numbers are not in their shortest form, or too long")
    return rsa.RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus)).public_key()


def _member(jwk: Mapping[str, Any], name: str, size: int | None) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise Malformed(f"{name} is missing")
    raw = decode(text)
    if size is not None and len(raw) != size:
        raise Malformed(f"{name} has the wrong length")
    return raw


def _public_key(public: Any, origin: str) -> Key:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(public, ed25519.Ed25519PublicKey):
        return _ed25519_key(public, origin)
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return _p256_key(public)
    if isinstance(public, rsa.RSAPublicKey):
        return _rsa_key(public, origin)
    raise _unfit(origin)


def _unfit(origin: str) -> SetupError:
    return SetupError(
        f"{origin} is of a kind that is not used for tokens: it must be Ed25519, P-256 or RSA.",
        hint="Make one with: openssl genpkey -algorithm ed25519",
    )


def _ed25519_key(public: Ed25519PublicKey, origin: str) -> Key:
    from cryptography.exceptions import InvalidSignature

    raw = public.public_bytes_raw()
    if raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
        raise SetupError(f"{origin} is a point of small order: everybody could sign for it.")

    def verify(data: bytes, signature: bytes) -> bool:
        try:
            public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return _published("EdDSA", verify, {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)})


def _p256_key(public: EllipticCurvePublicKey) -> Key:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    scheme = ec.ECDSA(SHA256())

    def verify(data: bytes, signature: bytes) -> bool:
        if len(signature) != 64:
            return False
        pair = utils.encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        try:
            public.verify(pair, data, scheme)
        except InvalidSignature:
            return False
        return True

    point = public.public_numbers()
    x, y = (encode(number.to_bytes(32)) for number in (point.x, point.y))
    return _published("ES256", verify, {"kty": "EC", "crv": "P-256", "x": x, "y": y})


def _rsa_key(public: RSAPublicKey, origin: str) -> Key:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    numbers, size = public.public_numbers(), (public.key_size + 7) // 8
    if not SHORTEST_RSA_BITS <= public.key_size <= LONGEST_RSA_BITS or numbers.e < 65537 or numbers.n % 2 == 0:
        raise SetupError(
            f"{origin} is an unsound RSA key: {public.key_size} bits, the exponent {numbers.e}; "
            f"RS256 needs {SHORTEST_RSA_BITS} to {LONGEST_RSA_BITS} bits and an exponent from 65537 on.",
            hint="Make one with: openssl genpkey -algorithm ed25519",
        )

    def verify(data: bytes, signature: bytes) -> bool:
        if len(signature) != size:
            return False
        try:
            public.verify(signature, data, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    modulus, exponent = (encode(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
    return _published("RS256", verify, {"kty": "RSA", "n": modulus, "e": exponent})


def _published(algorithm: Algorithm, verify: Callable[[bytes, bytes], bool], jwk: dict[str, str]) -> Key:
    kid = thumbprint(jwk)
    return Key(kid, algorithm, verify, None, {**jwk, "kid": kid, "use": "sig", "alg": algorithm})


def _signer(private: Any, algorithm: Algorithm) -> Callable[[bytes], bytes]:
    if algorithm == "EdDSA":
        return lambda data: bytes(private.sign(data))
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    if algorithm == "RS256":
        return lambda data: bytes(private.sign(data, padding.PKCS1v15(), SHA256()))

    def sign(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(private.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign
