"""The gateway's own errors: RFC 9457 documents as the services write them, without their libraries."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from xml.sax.saxutils import escape

from orjson import dumps

_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 431: "Request Header Fields Too Large"}
_CODES = {413: "payload-too-large", 500: "internal"}
_XML_TYPES = ("application/problem+xml", "application/xml", "text/xml")


class Refused(Exception):
    """A request, or an answer, that goes no further.

    Attributes:
        status: What the client is told.
        detail: One sentence for people.
        headers: Belong to the answer, for instance ``Retry-After``.
        closes: Whether the connection cannot be used for another request.
    """

    def __init__(
        self, status: int, detail: str, *, headers: tuple[tuple[str, str], ...] = (), closes: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.closes = closes


def unavailable(detail: str) -> Refused:
    """Return what a request gets that can be asked again in a moment."""
    return Refused(503, detail, headers=(("Retry-After", "1"),))


def status_phrase(status: int) -> str:
    """Return the reason phrase of a status, as RFC 9110 has it."""
    known = _PHRASES.get(status)
    if known is None:
        try:
            known = HTTPStatus(status).phrase
        except ValueError:
            known = "Error"
    return known


def problem(
    refused: Refused, *, accept: str = "", request_id: str = "", trace_id: str = ""
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """Return the body and the headers of a problem document.

    Args:
        refused: What happened.
        accept: The request's ``Accept``: XML for who asks for it and not for JSON.
        request_id: The request in which it happened.
        trace_id: The trace in which it happened.
    """
    title = status_phrase(refused.status)
    code = _CODES.get(refused.status) or title.lower().replace(" ", "-")
    members: dict[str, str | int] = {"type": "about:blank", "title": title, "status": refused.status}
    members |= {"detail": refused.detail, "code": code}
    members |= {name: value for name, value in (("trace_id", trace_id), ("request_id", request_id)) if value}
    if _wants_xml(accept):
        body, media = _xml(members), "application/problem+xml"
    else:
        body, media = dumps(members), "application/problem+json"
    return body, (("Content-Type", media), ("Vary", "Accept"), *refused.headers)


def _wants_xml(accept: str) -> bool:
    lowered = accept.lower()
    return "json" not in lowered and "html" not in lowered and any(media in lowered for media in _XML_TYPES)


def _xml(members: Mapping[str, str | int]) -> bytes:
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in members.items())
    return f'<?xml version="1.0" encoding="utf-8"?>\n<problem xmlns="urn:ietf:rfc:7807">{inner}</problem>\n'.encode()
