"""Names as they can be written: escaped, of a known width, and with nothing in them that a terminal or a page obeys."""

from __future__ import annotations

import unicodedata

_NEVER = frozenset("\ufffe\uffff\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """Return a text that can be shown anywhere.

    Bytes of a path that are no UTF-8, control characters, what XML forbids and what turns the direction of writing
    become U+FFFD.
    """
    return "".join("\ufffd" if each in _NEVER or unicodedata.category(each) in {"Cc", "Cs"} else each for each in text)


def width(text: str) -> int:
    """Return how many cells of a fixed-width font a text takes: wide characters take two, marks on others none."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def shorten(text: str, most: int) -> str:
    """Return a text in at most so many cells; the middle is left out, as names differ at their ends."""
    if width(text) <= most:
        return text
    start, end = "", ""
    for number in range(len(text)):
        grown = (start + text[number // 2], end) if number % 2 == 0 else (start, text[-1 - number // 2] + end)
        if width(grown[0]) + width(grown[1]) + 1 > most:
            break
        start, end = grown
    return f"{start}…{end}"


def xml(text: str) -> str:
    """Return a text as content or attribute of XML."""
    text = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def dot(text: str) -> str:
    """Return a text as a quoted string of DOT."""
    return '"' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def mermaid(text: str) -> str:
    """Return a text as a quoted label of Mermaid, in which ``#`` begins a character by name or number."""
    kept = " -_./,:·…"
    return '"' + "".join(each if each.isalnum() or each in kept else f"#{ord(each)};" for each in plain(text)) + '"'
