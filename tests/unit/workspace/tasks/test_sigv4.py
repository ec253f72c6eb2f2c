"""The examples that Amazon publishes with the algorithm."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from decant_tools.workspace.tasks.sigv4 import Credentials, encoded, sign

WHO = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
WHEN = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "https://examplebucket.s3.amazonaws.com"


def signature(found: dict[str, str]) -> str:
    return found["authorization"].rpartition("Signature=")[2]


def test_the_example_of_a_get() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    found = sign(WHO, "GET", f"{HOST}/test.txt", empty, {"Range": "bytes=0-9"}, WHEN)
    assert signature(found) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert found["x-amz-date"] == "20130524T000000Z"
    assert "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date" in found["authorization"]


def test_the_example_of_a_put() -> None:
    payload = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()
    headers = {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    found = sign(WHO, "PUT", f"{HOST}/{encoded('test$file.text')}", payload, headers, WHEN)
    assert signature(found) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"


def test_a_token_of_a_session_is_signed_too() -> None:
    found = sign(WHO._replace(token="t"), "GET", f"{HOST}/x", "", {}, WHEN)
    assert found["x-amz-security-token"] == "t"
    assert "x-amz-security-token" in found["authorization"]


def test_a_secret_is_not_shown() -> None:
    assert "wJalr" not in repr(WHO)
