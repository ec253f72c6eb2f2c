"""Signatures of requests to S3 and what speaks like it.

Source:
    AWS, *Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)*.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Who asks, and for which region."""

    access_key: str
    secret_key: str
    token: str = ""
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"Credentials({self.access_key!r}, …)"


def sign(
    credentials: Credentials, method: str, url: str, payload_sha256: str, headers: Mapping[str, str], now: datetime
) -> dict[str, str]:
    """Return the headers that a request needs beside those that it has.

    Args:
        credentials: Who asks.
        method: For instance ``GET``.
        url: Without a query.
        payload_sha256: Of the body, in hex.
        headers: Others that are signed, too.
        now: The time.
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{credentials.region}/s3/aws4_request"
    added = {"x-amz-content-sha256": payload_sha256, "x-amz-date": moment}
    if credentials.token:
        added["x-amz-security-token"] = credentials.token
    parts = urlsplit(url)
    signed = {
        name.lower(): " ".join(value.split()) for name, value in {**headers, **added, "host": parts.netloc}.items()
    }
    names = ";".join(sorted(signed))
    canonical = "\n".join([
        method, parts.path or "/", parts.query,
        *(f"{name}:{signed[name]}" for name in sorted(signed)), "",
        names, payload_sha256,
    ])  # fmt: skip
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    added["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return added


def encoded(key: str) -> str:
    """Return an object's key as part of a path."""
    return quote(key, safe="/~")
