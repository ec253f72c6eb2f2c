"""Signed tokens in compact form, read the one right way.

A reader that guesses is what most attacks on tokens live on: whatever has two readings is refused here, before
any key is looked at.

Source: RFC 7515 (JWS), RFC 4648 3.5 (unused bits), RFC 8259 4 (duplicate names), RFC 8725.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

LONGEST = 8192
"""Characters that a token may have."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Malformed(ValueError):
    """A text is no token in compact form."""


@dataclass(frozen=True, slots=True)
class Compact:
    """The parts of a token whose signature was not checked yet.

    Attributes:
        header: The protected header.
        claims: The payload.
        signed: The bytes that the signature is about.
        signature: The signature.
    """

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def parse(token: str) -> Compact:
    """Return the parts of a token.

    Raises:
        Malformed: For everything that is not exactly three parts of strict base64url, two of them JSON objects in
            which every name stands once.
    """
    if len(token) > LONGEST or token.count(".") != 2:
        raise Malformed("not three parts")
    signed, _, signature = token.rpartition(".")
    header, _, claims = signed.partition(".")
    return Compact(read_object(decode(header)), read_object(decode(claims)), signed.encode("ascii"), decode(signature))


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any]) -> bytes:
    """Return the bytes to sign."""
    return f"{encode(orjson.dumps(header))}.{encode(orjson.dumps(claims))}".encode("ascii")


def encode(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of base64url in its one right form.

    Raises:
        Malformed: For another alphabet, padding, line breaks, a length that cannot be, or unused bits that are set.
    """
    if not _SEGMENT.fullmatch(text) or len(text) % 4 == 1:
        raise Malformed("not base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(raw) != text:
        raise Malformed("unused bits are set")
    return raw


def read_object(raw: bytes) -> dict[str, Any]:
    """Return a JSON object in which every name stands once, at every depth.

    Raises:
        Malformed: For everything else, ``NaN``, half surrogate pairs and other encodings than UTF-8 included.
    """
    try:
        orjson.loads(raw)  # stricter about text than the standard library, but blind to duplicate names
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed("a name stands twice")
    return value
