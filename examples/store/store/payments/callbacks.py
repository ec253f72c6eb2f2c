"""The provider's reports, signed as Standard Webhooks are (github.com/standard-webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from decant import DomainError

TOLERANCE_S = 5 * 60


class ReportRefused(DomainError, code="payments.report-refused", status=401):
    """This is no report of the payment provider's, or an old one."""


def verify(secret: str | None, headers: Mapping[str, str], body: bytes, now: float | None = None) -> str:
    """Return the report's id once it is certain who sent it, and when.

    Raises:
        ReportRefused: For a wrong or missing signature, and a time more than five minutes away.
    """
    message_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if secret is None or not 1 <= len(message_id) <= 200 or not (at.isascii() and at.isdigit() and len(at) <= 12):
        raise ReportRefused
    if abs((time.time() if now is None else now) - int(at)) > TOLERANCE_S:
        raise ReportRefused
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = hmac.digest(key, b"%b.%b.%b" % (message_id.encode(), at.encode(), body), hashlib.sha256)
    given = [_decoded(one) for one in headers.get("webhook-signature", "").split(" ")]
    if not any([hmac.compare_digest(wanted, one) for one in given]):  # noqa: C419 - all are compared
        raise ReportRefused
    return message_id


def _decoded(signature: str) -> bytes:
    version, _, text = signature.partition(",")
    try:
        return base64.b64decode(text, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
