"""The table of media types that answers can have, and the choice among them.

JSON is what a client gets that asks for nothing, for anything, or for something unknown. A codec is
added with :func:`add_codec`; it applies to every operation, and to problems where it has a type for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pydantic_core

from decant.errors import SetupError
from decant.http import xml

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Codec:
    """How data becomes bytes of some media type.

    Args:
        media_types: What a client may ask for; the answer says the first one unless it asked for another.
        encode: Makes the bytes, from JSON data: dict, list, str, int, float, bool, None.
        problem_type: The media type of an error; None: errors go out as JSON.
        encode_problem: Makes the bytes of an error; None: as ``encode``.
        charset: Whether ``; charset=utf-8`` follows the media type.
    """

    media_types: tuple[str, ...]
    encode: Callable[[Any], bytes]
    problem_type: str | None = None
    encode_problem: Callable[[Any], bytes] | None = None
    charset: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A codec and what the answer says it is."""

    codec: Codec
    content_type: str

    @property
    def is_json(self) -> bool:
        """Whether the answer is plain JSON, and needs no second encoding."""
        return self.codec is JSON


JSON = Codec((JSON_TYPE, "application/problem+json"), pydantic_core.to_json, "application/problem+json")
XML = Codec(
    (xml.MEDIA_TYPE, "text/xml", "application/problem+xml"),
    xml.encode_xml,
    "application/problem+xml",
    xml.encode_problem_xml,
    charset=True,
)
_AS_JSON = Choice(JSON, JSON_TYPE)
_table: list[Codec] = [JSON, XML]


def codecs() -> tuple[Codec, ...]:
    """Return the codecs, in order of preference among equals."""
    return tuple(_table)


def add_codec(codec: Codec) -> None:
    """Offer one more media type.

    Raises:
        SetupError: When another codec has one of its media types.
    """
    taken = {media: known for known in _table for media in known.media_types}
    for media in codec.media_types:
        if media in taken:
            raise SetupError(f"There is a codec for {media} already.", hint="Take it out first: remove_codec().")
    _table.append(codec)
    _choose.cache_clear()


def remove_codec(codec: Codec) -> None:
    """Take a codec out of the table; JSON stays.

    Raises:
        SetupError: For JSON, or a codec that is not in the table.
    """
    if codec is JSON or codec not in _table:
        raise SetupError(f"The codec for {', '.join(codec.media_types)} cannot be removed.")
    _table.remove(codec)
    _choose.cache_clear()


def choose(accept: str | None) -> Choice:
    """Return the codec for an ``Accept`` header.

    The highest quality wins, then the order of the table. A browser's header, which has
    ``text/html`` and ``*/*``, ranks XML above everything that we have; it gets JSON, as people expect.
    """
    if accept is None or accept in ("*/*", JSON_TYPE):
        return _AS_JSON
    return _choose(accept) if len(accept) < 500 else _rank(accept)


def encode(document: Any, accept: str | None, problem: bool = False) -> tuple[bytes, str]:
    """Return a document's bytes and content type, as an ``Accept`` header asks.

    Args:
        document: JSON data, or anything that pydantic can write as such.
        accept: The header, or None.
        problem: Whether it is a problem document (RFC 9457), with a media type of its own.
    """
    choice = choose(accept)
    codec = choice.codec
    if problem and codec.problem_type is None:
        codec = JSON
    encoder = codec.encode_problem or codec.encode if problem else codec.encode
    content_type = codec.problem_type if problem and codec.problem_type else choice.content_type
    if codec is JSON:
        return pydantic_core.to_json(document, fallback=str), content_type
    return encoder(pydantic_core.to_jsonable_python(document, fallback=str)), content_type


@lru_cache(maxsize=256)
def _choose(accept: str) -> Choice:
    return _rank(accept)


def _rank(accept: str) -> Choice:
    ranges = _parse(accept)
    if "text/html" in ranges and ranges.get("*/*"):
        return _AS_JSON
    best, found = 0.0, _AS_JSON
    for codec in _table:
        for media in codec.media_types:
            quality = ranges.get(media, 0.0) if media == codec.problem_type else _quality(media, ranges)
            if quality > best:
                best, found = quality, _choice(codec, media)
    return found


def _choice(codec: Codec, media: str) -> Choice:
    named = codec.media_types[0] if media == codec.problem_type else media
    return Choice(codec, f"{named}; charset=utf-8" if codec.charset else named)


def _quality(media: str, ranges: dict[str, float]) -> float:
    for name in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def _parse(accept: str) -> dict[str, float]:
    """Return the media ranges of an ``Accept`` header and their quality; what cannot be read is left out."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            ranges[media] = min(max(float(quality), 0.0), 1.0)
        except ValueError:
            continue
    return ranges
