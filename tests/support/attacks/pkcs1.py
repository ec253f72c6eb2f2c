"""Encoded messages that a verifier of RSA signatures takes when it parses them instead of comparing them whole.

Source: RFC 8017 9.2 (EMSA-PKCS1-v1_5), and the forgeries that lenient parsers allowed since 2006.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

OID = bytes.fromhex("0609608648016503040201")
NULL = b"\x05\x00"
LENGTHS = {
    "2**31 - 1": b"\x84\x7f\xff\xff\xff", "2**31": b"\x84\x80\x00\x00\x00", "2**32 - 1": b"\x84\xff\xff\xff\xff", "2**40 - 1": b"\x85\xff\xff\xff\xff\xff",
    "2**64 - 1": b"\x88" + b"\xff" * 8, "of 255 bytes": b"\xff", "without end": b"\x80",
}  # fmt: skip


def encoded_messages(digest: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield encodings of a SHA-256 digest that are not the right one, each with its name."""
    seen = {right_message(digest, size)}
    for name, message in (*_paddings(digest, size), *((name, _whole(info, size)) for name, info in _infos(digest))):
        if message not in seen:
            seen.add(message)
            yield name, message


def right_message(digest: bytes, size: int) -> bytes:
    """Return the one right encoding."""
    return _whole(_sequence(_sequence(OID + NULL) + _octets(digest)), size)


def _infos(digest: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every node of the structure, changed in every way."""
    for name, changed in _changes(_sequence(_sequence(OID + NULL) + _octets(digest))):
        yield f"the whole, {name}", changed
    for name, changed in _changes(_sequence(OID + NULL)):
        yield f"the algorithm, {name}", _sequence(changed + _octets(digest))
    for name, changed in _changes(OID):
        yield f"the OID, {name}", _sequence(_sequence(changed + NULL) + _octets(digest))
    for name, changed in _changes(NULL):
        yield f"the parameters, {name}", _sequence(_sequence(OID + changed) + _octets(digest))
    for name, changed in _changes(_octets(digest)):
        yield f"the digest, {name}", _sequence(_sequence(OID + NULL) + changed)
    for name, oid in {"SHA-1": "06052b0e03021a", "SHA-384": "0609608648016503040202", "SHA-512": "0609608648016503040203", "MD5": "06082a864886f70d0205", "SHA-224": "0609608648016503040204"}.items():  # fmt: skip
        yield f"the OID of {name}", _sequence(_sequence(bytes.fromhex(oid) + NULL) + _octets(digest))
    for name in ("md5", "sha1", "sha224", "sha384"):
        other = hashlib.new(name, digest, usedforsecurity=False).digest()
        yield f"a digest of {name}", _sequence(_sequence(OID + NULL) + _octets(other))


def _changes(node: bytes) -> Iterator[tuple[str, bytes]]:
    tag, value = node[:1], node[2:]
    size = len(value)
    for name, length in LENGTHS.items():
        yield f"a length {name}", tag + length + value
    yield "a long form of its length", tag + bytes([0x81, size]) + value
    yield "a zero before its length", tag + bytes([0x82, 0, size]) + value
    yield "a length that overflows 32 bits", tag + b"\x85\x01" + size.to_bytes(4) + value
    yield "a length that overflows 64 bits", tag + b"\x89\x01" + size.to_bytes(8) + value
    yield "a length one too large", tag + bytes([size + 1]) + value
    yield "a length one too small", tag + bytes([max(0, size - 1)]) + value
    yield "no length", tag
    yield "nothing", b""
    yield "zeros within", _node(tag, value + b"\0\0")
    yield "zeros before its value", _node(tag, b"\0\0" + value)
    yield "zeros after it", node + b"\0\0"
    yield "NULL within", _node(tag, value + NULL)
    yield "NULL before it", NULL + node
    yield "garbage within", _node(tag, b"\x49\x81\x77" + value)
    yield "garbage after it", node + b"\x24\x81\x99"
    yield "an unknown tag after it", node + b"\xaa\x02\xbb\xcc"
    yield "composed", bytes([tag[0] | 0x20]) + _size(node) + node
    yield "without end, ended", tag + b"\x80" + value + b"\0\0"
    yield "within itself", _node(tag, node)
    yield "twice", node + node
    for other in (0x00, 0x01, 0x03, 0x31, 0xFF, tag[0] ^ 0x20):
        yield f"the tag {other:#04x}", bytes([other]) + node[1:]
    if value:
        yield "no value", tag + b"\0"
        yield "its first byte changed", _node(tag, bytes([value[0] ^ 1]) + value[1:])
        yield "its last byte changed", _node(tag, value[:-1] + bytes([value[-1] ^ 1]))
        yield "its last byte cut", _node(tag, value[:-1])
        yield "its first byte cut", _node(tag, value[1:])


def _paddings(digest: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    info = _sequence(_sequence(OID + NULL) + _octets(digest))
    room = size - len(info) - 3
    yield "garbage after a short padding", b"\0\1" + b"\xff" * 8 + b"\0" + info + b"\xaa" * (room - 8)
    yield "zeros after a short padding", b"\0\1" + b"\xff" * 8 + b"\0" + info + bytes(room - 8)
    yield "no padding", b"\0\1\0" + info + b"\xaa" * room
    yield "the block type 0", b"\0\0" + b"\xff" * room + b"\0" + info
    yield "the block type 2", b"\0\2" + b"\xff" * room + b"\0" + info
    yield "a padding of zeros", b"\0\1" + bytes(room) + b"\0" + info
    yield "no end of the padding", b"\0\1" + b"\xff" * (room + 1) + info
    yield "an end of 1", b"\0\1" + b"\xff" * room + b"\1" + info
    yield (
        "a zero within the padding",
        b"\0\1" + b"\xff" * (room // 2) + b"\0" + b"\xff" * (room - room // 2 - 1) + b"\0" + info,
    )
    yield "0xfe within the padding", b"\0\1" + b"\xfe" + b"\xff" * (room - 1) + b"\0" + info
    yield (
        "a first byte of 1",
        b"\1\1" + b"\xff" * room + b"\0" + info if size < 256 else b"\0\3" + b"\xff" * room + b"\0" + info,
    )
    yield "the digest alone", _whole(digest, size)
    yield "the digest in an octet string alone", _whole(_octets(digest), size)
    yield "the message instead of its digest", _whole(_sequence(_sequence(OID + NULL) + _octets(digest * 2)), size)


def _whole(info: bytes, size: int) -> bytes:
    return b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info


def _node(tag: bytes, value: bytes) -> bytes:
    return tag + _size(value) + value


def _size(value: bytes) -> bytes:
    return bytes([len(value)]) if len(value) < 128 else bytes([0x81, len(value)])


def _sequence(value: bytes) -> bytes:
    return _node(b"\x30", value)


def _octets(value: bytes) -> bytes:
    return _node(b"\x04", value)
