"""From bytes to text, whatever the encoding: reading never fails."""

from __future__ import annotations

import codecs
import re

_COOKIE = re.compile(
    rb"\A(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))?[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)"
)  # PEP 263
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(content: bytes) -> tuple[str, bool]:
    """Return a file's text with plain line ends, and whether its bytes were what its encoding allows.

    Args:
        content: UTF-8, or whatever its byte order mark says: PowerShell writes requirements in UTF-16.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decode(content[len(mark) :], encoding)
    return _decode(content, "utf-8")


def decode_source(content: bytes) -> tuple[str, bool]:
    """Return the text of Python source; a comment may name its encoding (PEP 263)."""
    if b"coding" in content[:400] and (cookie := _COOKIE.match(content)):
        encoding = cookie[1].decode("ascii", "replace")
        try:
            if not codecs.lookup(encoding)._is_text_encoding:
                return _decode(content, "utf-8")[0], False
        except (LookupError, ValueError):
            return decode(content)[0], False
        if not content.startswith(codecs.BOM_UTF8):
            return _decode(content, encoding)
    return decode(content)


def _decode(content: bytes, encoding: str) -> tuple[str, bool]:
    try:
        text, is_sound = content.decode(encoding), True
    except (UnicodeError, ValueError):
        text, is_sound = content.decode("latin-1"), False
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, is_sound
