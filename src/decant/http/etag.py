"""Strong entity tags over an answer's bytes, and the question whether the client has them already.

Source: RFC 9110, sections 8.8.3 and 13.1.2.
"""

from __future__ import annotations

import re
from hashlib import blake2b

_tags = re.compile(r'(?:W/)?("[^"]*")').findall


def etag_of(body: bytes) -> str:
    """Return the strong entity tag of an answer's bytes, quotes included."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def is_match(if_none_match: str, etag: str) -> bool:
    """Return whether an ``If-None-Match`` header names an entity tag.

    The comparison is the weak one, as the header's definition asks: ``W/"x"`` names ``"x"``.
    """
    return if_none_match.strip() == "*" or etag in _tags(if_none_match)
