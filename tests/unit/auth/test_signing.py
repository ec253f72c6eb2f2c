import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from decant.auth import generate_key
from decant.auth.compact import Malformed, encode
from decant.auth.signing import Key, key_from_jwk, key_from_pem, key_from_private, key_from_secret, thumbprint
from decant.errors import SetupError

PRIVATE: dict[str, Any] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}
SECRET = "a shared secret of 32 bytes, or more"
KEYS: dict[str, Key] = {name: key_from_private(key) for name, key in PRIVATE.items()} | {
    "HS256": key_from_secret(SECRET)
}
PUBLIC = {name: dict(key.jwk) for name, key in KEYS.items() if key.jwk}


def pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_key_knows_its_own_signatures(algorithm: str) -> None:
    key = KEYS[algorithm]
    signature = key.sign(b"data") if key.sign else b""
    assert key.algorithm == algorithm
    assert key.verify(b"data", signature)
    assert not key.verify(b"date", signature)
    assert not any(other.verify(b"data", signature) for name, other in KEYS.items() if name != algorithm)


@pytest.mark.parametrize("algorithm", KEYS)
@given(st.binary(max_size=300))
def test_no_other_signature_is_taken_and_none_raises(algorithm: str, signature: bytes) -> None:
    assert not KEYS[algorithm].verify(b"data", signature)


@pytest.mark.parametrize("algorithm", KEYS)
def test_another_implementation_signs_and_verifies_alike(algorithm: str) -> None:
    key, other = KEYS[algorithm], PRIVATE.get(algorithm, SECRET)
    public = other if isinstance(other, str) else other.public_key()
    token = jwt.encode({"sub": "ada"}, other, algorithm)
    signed, _, signature = token.rpartition(".")
    assert key.verify(signed.encode(), jwt.utils.base64url_decode(signature))
    assert key.sign is not None
    assert jwt.decode(f"{signed}.{encode(key.sign(signed.encode()))}", public, [algorithm]) == {"sub": "ada"}


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_the_public_jwk_is_what_others_read(algorithm: str) -> None:
    reader: Any = {"EdDSA": OKPAlgorithm, "ES256": ECAlgorithm, "RS256": RSAAlgorithm}[algorithm]
    numbers = reader.from_jwk(json.dumps(PUBLIC[algorithm]))
    assert numbers.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ) == public_pem(PRIVATE[algorithm])


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_a_key_read_from_its_public_jwk_verifies_and_cannot_sign(algorithm: str) -> None:
    key, private = key_from_jwk(PUBLIC[algorithm]), KEYS[algorithm]
    assert private.sign is not None
    assert key.verify(b"data", private.sign(b"data"))
    assert (key.sign, key.kid, key.jwk) == (None, private.kid, private.jwk)


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_pem_gives_the_same_key_as_its_public_half(algorithm: str) -> None:
    private, public = key_from_pem(pem(PRIVATE[algorithm])), key_from_pem(public_pem(PRIVATE[algorithm]).decode())
    assert private.kid == public.kid == KEYS[algorithm].kid
    assert private.sign
    assert not public.sign


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
        "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8a"
        "wapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert key_from_jwk({name: jwk[name] for name in ("kty", "n", "e")}).kid == thumbprint(jwk)


def test_the_example_of_rfc_8037_verifies() -> None:
    key = key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    assert key.verify(signed, jwt.utils.base64url_decode(signature))


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
        dsa.generate_private_key(2048),
        rsa.generate_private_key(65537, 1024),
        rsa.generate_private_key(3, 2048),
    ],
    ids=["P-384", "secp256k1", "Ed448", "X25519", "DSA", "RSA-1024", "RSA e=3"],
)
def test_a_key_of_another_kind_is_refused_when_it_is_loaded(private: Any) -> None:
    for text in (pem(private), public_pem(private)):
        with pytest.raises(SetupError):
            key_from_pem(text)


@pytest.mark.parametrize(
    "text", ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", b"\xff\xfe"]
)
def test_what_is_no_key_is_refused_without_being_repeated(text: str | bytes) -> None:
    with pytest.raises(SetupError, match="DECANT_AUTH_KEY is not a key") as caught:
        key_from_pem(text, "DECANT_AUTH_KEY")
    assert "AAAA" not in str(caught.value)


def test_an_encrypted_key_is_refused() -> None:
    encrypted = PRIVATE["EdDSA"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    with pytest.raises(SetupError, match="encrypted"):
        key_from_pem(encrypted)


def test_something_that_is_no_key_at_all_is_refused() -> None:
    with pytest.raises(SetupError):
        key_from_private("secret")


@pytest.mark.parametrize(
    "secret", ["", "x" * 31, b"x" * 31, generate_key(), "ssh-ed25519 " + "A" * 60, public_pem(PRIVATE["RS256"])]
)
def test_a_short_secret_or_a_key_file_is_no_secret(secret: str | bytes) -> None:
    with pytest.raises(SetupError, match="JWT_SECRET_KEY"):
        key_from_secret(secret)


def test_32_bytes_are_a_secret() -> None:
    assert key_from_secret("ü" * 16).algorithm == "HS256"


def test_a_secret_is_never_published_nor_shown() -> None:
    assert KEYS["HS256"].jwk is None
    assert SECRET not in repr(KEYS["HS256"])


def test_two_secrets_have_two_names() -> None:
    assert key_from_secret("x" * 32).kid != key_from_secret("y" * 32).kid


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"kty": "oct"},
        {"kty": ["RSA"]},
        {"crv": ["P-256"]},
        {"crv": "P-384"},
        {"d": "AA"},
        {"k": "AA"},
        {"kid": 7},
        {"kid": ""},
        {"kid": "x" * 129},
        {"kid": None},
    ],
)
@pytest.mark.parametrize("algorithm", PUBLIC)
def test_a_jwk_that_is_not_for_this_is_refused(algorithm: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        key_from_jwk(PUBLIC[algorithm] | changes)


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [
        ("EdDSA", {"x": 5}),
        ("EdDSA", {"x": "AA"}),
        ("EdDSA", {"x": PUBLIC["EdDSA"]["x"] + "="}),
        ("ES256", {"x": PUBLIC["ES256"]["y"]}),
        ("ES256", {"y": "AAAA"}),
        ("ES256", {"x": "A" * 43, "y": "A" * 43}),
        ("RS256", {"e": "Aw"}),
        ("RS256", {"e": "AQ"}),
        ("RS256", {"e": "AAEAAQ"}),
        ("RS256", {"n": encode(b"\xff" * 128)}),
        ("RS256", {"n": encode(b"\xff" * 2048)}),
        ("RS256", {"n": encode(b"\0" + b"\xff" * 256)}),
        ("RS256", {"n": encode(b"\xff" * 255 + b"\xfe")}),
    ],
)  # fmt: skip
def test_a_jwk_with_unsound_numbers_is_refused(algorithm: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        key_from_jwk(PUBLIC[algorithm] | changes)


@pytest.mark.parametrize(
    "point",
    [
        "00" * 32,
        "01" + "00" * 31,
        "01" + "00" * 30 + "80",
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    ],
)
def test_a_point_of_small_order_is_no_key(point: str) -> None:
    with pytest.raises(Malformed):
        key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": encode(bytes.fromhex(point))})


def test_a_key_whose_line_ends_were_escaped_on_the_way_is_told_so() -> None:
    pem = generate_key().decode().replace("\n", "\\n")
    with pytest.raises(SetupError, match="a backslash and an n") as refused:
        key_from_pem(pem, "DECANT_AUTH_SIGNING_KEY")
    assert pem[40:60] not in str(refused.value)
