"""Lists in pages, by cursor: the position of the last item, opaque to the client.

A cursor holds where to go on, so nothing is skipped or repeated when rows come and go in between.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

import pydantic_core
from pydantic import BaseModel, Field, TypeAdapter

from decant.errors import ValidationError
from decant.http.faults import fault
from decant.http.guards import forbidden, suspicious

T = TypeVar("T")
K = TypeVar("K")

SIGNATURE_BYTES = 16


class CursorError(ValidationError, code="cursor-not-found", status=404):
    """There is no page at this cursor.

    A page is a resource, and a cursor a part of its address: one that nobody gave out leads nowhere, as
    a wrong path does. No schema could tell a client which texts are cursors.
    """


class Page(BaseModel, Generic[T]):
    """A part of a list.

    Attributes:
        items: The items of this page.
        next: The cursor of the next page; None on the last one.
    """

    items: list[T]
    next: str | None = None


class Paging(BaseModel):
    """The query parameters of a paged list: declare ``paging: Paging``.

    Attributes:
        limit: How many items the client wants at most.
        cursor: Where to go on: ``next`` of the page before.
    """

    limit: int = Field(20, ge=1, le=100, description="How many items at most.")
    cursor: str | None = Field(None, description="Where to go on: `next` of the page before.")

    def after(self, kind: type[K] | Any = Any, *, key: bytes | None = None) -> K | None:
        """Return the position in the cursor, or None for the first page.

        Args:
            kind: The position's type, for instance ``tuple[int, str]``.
            key: The key that cursors are signed with, if they are.

        Raises:
            CursorError: For a cursor that was not made here.
        """
        return None if self.cursor is None else decode_cursor(self.cursor, kind, key=key)

    def page(self, rows: Sequence[Any], position: Callable[[Any], Any], *, key: bytes | None = None) -> Page[Any]:
        """Return a page of rows, of which one more than ``limit`` was asked for.

        Args:
            rows: At most ``limit + 1`` rows; the extra one tells that there is a next page, and is left out.
            position: Returns where a row is in the list's order: a value that JSON can hold.
            key: The key that cursors are signed with, if they are.

        Example:
            >>> Paging(limit=2).page(["a", "b", "c"], position=lambda row: row).items
            ['a', 'b']
        """
        items = list(rows[: self.limit])
        more = len(rows) > self.limit
        return Page(items=items, next=encode_cursor(position(items[-1]), key=key) if more else None)


def encode_cursor(position: Any, *, key: bytes | None = None) -> str:
    """Return a position as an opaque text that needs no escaping in a URL.

    Args:
        position: Anything that JSON can hold.
        key: Signs the cursor, so that clients cannot make their own. Without one they can, and learn
            nothing that a filter by the same values would not tell them.
    """
    raw = pydantic_core.to_json(position)
    signed = raw if key is None else _signature(raw, key) + raw
    return urlsafe_b64encode(signed).rstrip(b"=").decode()


def decode_cursor(cursor: str, kind: type[K] | Any = Any, *, key: bytes | None = None) -> K:
    """Return the position that a cursor holds.

    Args:
        cursor: What :func:`encode_cursor` returned.
        kind: The position's type.
        key: The key that it was signed with, if it was.

    Raises:
        CursorError: For a text that is no cursor of this list; names ``query.cursor``.
    """
    try:
        signed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        if urlsafe_b64encode(signed).rstrip(b"=") != cursor.encode():
            raise ValueError("not the canonical form")
        raw = signed if key is None else _verified(signed, key)
        if suspicious(raw) and any(forbidden(raw, "")):
            raise ValueError("forbidden values")
        position: K = _adapter(cast(Hashable, kind)).validator.validate_json(raw, strict=True)
    except (ValueError, binascii.Error) as error:
        message = "Input should be a cursor that this list gave"
        raise CursorError(
            "There is no page at this cursor.", errors=[fault("query.cursor", message, "cursor_parsing")]
        ) from error
    return position


def _signature(raw: bytes, key: bytes) -> bytes:
    return hmac.digest(key, raw, "sha256")[:SIGNATURE_BYTES]


def _verified(signed: bytes, key: bytes) -> bytes:
    given, raw = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
    if not hmac.compare_digest(given, _signature(raw, key)):
        raise ValueError("wrong signature")
    return raw


@lru_cache(maxsize=128)
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, kind))
    return adapter
