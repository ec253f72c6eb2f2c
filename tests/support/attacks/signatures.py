"""Attacks by the signature: MACs under what everybody knows, edges of the numbers, padding that is not quite right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from decant.auth.compact import encode
from tests.support.attacks.forger import SECRET, Forger, private_key
from tests.support.attacks.pkcs1 import encoded_messages, right_message

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
GROUP = 2**252 + 27742317777372353535851937790883648493
MACS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def secrets(forger: Forger) -> Iterator[tuple[str, str]]:
    """Yield tokens whose signature is a MAC under something that is no secret."""
    own = forger.algorithm
    for name, text in forger.known_to_all().items():
        for alg, digest in MACS.items():
            yield f"the public key ({name}) as {alg} secret", _mac(forger, text, alg, digest)
        yield f"the public key ({name}) as a secret, named {own}", _mac(forger, text, own, "sha256")
    guesses = {"empty": b"", "a zero": b"\0", "zeros": bytes(32), "secret": b"secret", "password": b"password", "the key id": forger.key.kid.encode(), "the issuer": forger.issuer.encode(), "null": b"null", "None": b"None"}  # fmt: skip
    for name, text in guesses.items():
        yield f"the secret {name}", _mac(forger, text, "HS256", "sha256")
        yield (
            f"the secret {name}, named {own}, twice hashed",
            _mac(forger, hashlib.sha256(text).digest(), own, "sha256"),
        )


def signatures(forger: Forger) -> Iterator[tuple[str, str]]:
    """Yield tokens whose other parts are good, with signatures that are not."""
    good = base64.urlsafe_b64decode(forger.forge().rpartition(".")[2] + "==")
    size = len(good)
    for name, raw in {
        "zeros": bytes(size), "ones": b"\xff" * size, "one byte": b"0", "half": good[: size // 2], "the other half": good[size // 2 :], "one byte less": good[:-1], "first byte missing": good[1:], "one byte more": good + b"\0",
        "a byte before": b"\0" + good, "sixteen more": good + bytes(16), "twice": good + good, "reversed": good[::-1], "halves swapped": good[size // 2 :] + good[: size // 2], "in hex": good.hex().encode(),
        "in base64": base64.b64encode(good), "a hash": hashlib.sha256(forger.unsigned().encode()).digest(), "a longer hash": hashlib.sha512(forger.unsigned().encode()).digest(),
    }.items():  # fmt: skip
        if raw != good:
            yield f"signature: {name}", forger.with_signature(raw)
    for bit in range(0, size * 8, max(1, size * 8 // 32)):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        yield f"signature: bit {bit} changed", forger.with_signature(bytes(changed))
    yield "another payload", forger.unsigned(None, json.dumps(forger.claims | {"sub": "root"})) + "." + encode(good)
    yield "another header", forger.unsigned(json.dumps(forger.header | {"x": 1})) + "." + encode(good)
    yield from {"EdDSA": _eddsa, "ES256": _es256, "RS256": _rs256, "HS256": _hs256}[forger.algorithm](forger)


def _eddsa(forger: Forger) -> Iterator[tuple[str, str]]:
    sign = private_key("EdDSA").sign
    signed = forger.unsigned().encode()
    good = sign(signed)
    point, scalar = good[:32], int.from_bytes(good[32:], "little")
    for factor in range(1, 16):
        if (moved := scalar + factor * GROUP) < 2**256:
            yield f"S + {factor} L", forger.with_signature(point + moved.to_bytes(32, "little"))
    yield "L - S", forger.with_signature(point + (GROUP - scalar).to_bytes(32, "little"))
    points = {"the neutral point": b"\1" + bytes(31), "zero": bytes(32), "p": b"\xed" + b"\xff" * 30 + b"\x7f", "p + 1": b"\xee" + b"\xff" * 30 + b"\x7f", "of order two": b"\xec" + b"\xff" * 30 + b"\x7f"}  # fmt: skip
    for (name, first), second in product(points.items(), (0, 1, scalar, GROUP, GROUP - 1)):
        yield f"R {name}, S {str(second)[:6]}", forger.with_signature(first + second.to_bytes(32, "little"))
    yield "R with its sign changed", forger.with_signature(good[:31] + bytes([good[31] ^ 0x80]) + good[32:])
    yield "S with its highest bits set", forger.with_signature(good[:63] + bytes([good[63] | 0xE0]))
    yield "over a hash of the message", forger.with_signature(sign(hashlib.sha512(signed).digest()))
    yield "over the decoded parts", forger.with_signature(sign(json.dumps(forger.header).encode()))


def _es256(forger: Forger) -> Iterator[tuple[str, str]]:
    private = private_key("ES256")
    signed = forger.unsigned().encode()
    der = private.sign(signed, ec.ECDSA(SHA256()))
    r, s = decode_dss_signature(der)
    edges = {"0": 0, "1": 1, "n - 1": ORDER - 1, "n": ORDER, "n + 1": ORDER + 1, "p": PRIME, "all ones": 2**256 - 1}
    for (first, a), (second, b) in product(edges.items(), edges.items()):
        yield f"r = {first}, s = {second}", forger.with_signature(a.to_bytes(32) + b.to_bytes(32))
    for name, value in edges.items():
        yield f"r good, s = {name}", forger.with_signature(r.to_bytes(32) + value.to_bytes(32))
        yield f"r = {name}, s good", forger.with_signature(value.to_bytes(32) + s.to_bytes(32))
    yield "DER", forger.with_signature(der)
    yield "33 bytes each", forger.with_signature(r.to_bytes(33) + s.to_bytes(33))
    yield "r + n and s in 33 bytes", forger.with_signature((r + ORDER).to_bytes(33) + s.to_bytes(33))
    yield "48 bytes each", forger.with_signature(r.to_bytes(48) + s.to_bytes(48))
    yield "n - r", forger.with_signature((ORDER - r).to_bytes(32) + s.to_bytes(32))
    for hashed in (SHA384(), SHA512()):
        a, b = decode_dss_signature(private.sign(signed, ec.ECDSA(hashed)))
        yield f"hashed with {hashed.name}", forger.with_signature(a.to_bytes(32) + b.to_bytes(32))
    for curve in (ec.SECP256K1(), ec.SECP384R1()):
        width = (curve.key_size + 7) // 8
        a, b = decode_dss_signature(ec.generate_private_key(curve).sign(signed, ec.ECDSA(SHA256())))
        yield f"of the curve {curve.name}", forger.with_signature(a.to_bytes(width) + b.to_bytes(width))


def _rs256(forger: Forger) -> Iterator[tuple[str, str]]:
    private = private_key("RS256")
    signed = forger.unsigned().encode()
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    good = int.from_bytes(private.sign(signed, padding.PKCS1v15(), SHA256()))
    for name, value in {"0": 0, "1": 1, "n - 1": modulus - 1, "n": modulus, "n - s": modulus - good}.items():
        yield f"s = {name}", forger.with_signature(value.to_bytes(256))
    yield "s + n", forger.with_signature((good + modulus).to_bytes(257))
    for hashed in (SHA384(), SHA512()):
        yield f"hashed with {hashed.name}", forger.with_signature(private.sign(signed, padding.PKCS1v15(), hashed))
    for hashed, salt in product((SHA256(), SHA512()), (0, 32)):
        pss: Any = padding.PSS(padding.MGF1(hashed), salt)
        yield f"PSS, {hashed.name}, salt {salt}", forger.with_signature(private.sign(signed, pss, hashed))
    digest = hashlib.sha256(signed).digest()
    assert raw_signature(numbers, int.from_bytes(right_message(digest, 256))) == good, "the forger's padding is wrong"
    for name, message in encoded_messages(digest, 256):
        yield f"padding: {name}", forger.with_signature(raw_signature(numbers, int.from_bytes(message)).to_bytes(256))


def raw_signature(numbers: rsa.RSAPrivateNumbers, message: int) -> int:
    """Return a message to the power of the private exponent, by the Chinese remainder theorem."""
    first, second = pow(message, numbers.dmp1, numbers.p), pow(message, numbers.dmq1, numbers.q)
    return second + numbers.q * ((first - second) * numbers.iqmp % numbers.p)


def _hs256(forger: Forger) -> Iterator[tuple[str, str]]:
    signed, secret = forger.unsigned().encode(), SECRET.encode()
    good = hmac.digest(secret, signed, "sha256")
    for size in (0, 1, 4, 8, 16, 31):
        yield f"{size} bytes of the MAC", f"{signed.decode()}.{encode(good[:size])}"
    for name in ("md5", "sha1", "sha224", "sha384", "sha512", "sha3_256", "blake2s"):
        yield f"HMAC with {name}", forger.with_signature(hmac.digest(secret, signed, name))
    yield "a hash of secret and message", forger.with_signature(hashlib.sha256(secret + signed).digest())
    yield "a hash of message and secret", forger.with_signature(hashlib.sha256(signed + secret).digest())
    for name, other in {
        "upper case": secret.upper(), "a line after it": secret + b"\n", "in base64": base64.b64encode(secret), "in hex": secret.hex().encode(), "cut": secret[:-1], "reversed": secret[::-1], "hashed": hashlib.sha256(secret).digest(),
        "twice": secret + secret, "UTF-16": SECRET.encode("utf-16-le"),
    }.items():  # fmt: skip
        yield f"the secret {name}", forger.with_signature(hmac.digest(other, signed, "sha256"))
    for name, text in {"the header": signed.partition(b".")[0], "the payload": signed.partition(b".")[2], "with a dot": signed + b"."}.items():  # fmt: skip
        yield f"a MAC over {name}", forger.with_signature(hmac.digest(secret, text, "sha256"))
    inner = encode(base64.urlsafe_b64decode(signed.partition(b".")[0] + b"=="))
    yield "a MAC over another encoding", forger.with_signature(hmac.digest(secret, (inner + "=").encode(), "sha256"))


def _mac(forger: Forger, key: bytes, alg: str, digest: str) -> str:
    signed = forger.unsigned(json.dumps(forger.header | {"alg": alg}))
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), digest))}"
