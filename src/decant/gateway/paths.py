"""One spelling for each path: what is routed is what is forwarded, and nobody behind reads it differently.

Refused are paths that some server would resolve, cut, decode again or split where another would not. The rest is
written in one way: letters, digits and common signs plainly, all else as upper-case escapes.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote_to_bytes

from decant.gateway.problems import Refused

_PLAIN = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,=:@-]++)*+/?+").fullmatch
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_TWICE = re.compile(r"%25[0-9A-Fa-f]{2}", re.ASCII).search
_TO_ESCAPE = re.compile(r"[^A-Za-z0-9._~!$&'()*+,=:@/%-]")
# A plus sign stays as it was sent: some servers read it as a space, and then its escape means something else.
_PLAINLY = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*,=:@")
_NEVER = re.compile(rb"[\x00-\x1f\x7f\\;/]").search
_STRUCTURE = frozenset("/\\.;%?#")


def canonical_path(path: str) -> str:
    """Return the canonical spelling of the path of a request target.

    Args:
        path: As sent, without the query; printable ASCII.

    Raises:
        Refused: 400, for a path with more than one meaning.

    Source:
        RFC 3986, 6.2.2; the rest is what servers and frameworks are known to disagree on.
    """
    if path and _PLAIN(path):
        return path
    if not path.startswith("/"):
        raise _refused("does not begin with a slash")
    if _BAD_ESCAPE(path):
        raise _refused("has a percent sign that begins no escape")
    if "\\" in path or ";" in path or "#" in path:
        raise _refused("has a backslash, a semicolon or a number sign in it")
    if _TWICE(path):
        raise _refused("is escaped twice")
    written = _ESCAPE.sub(_written, _TO_ESCAPE.sub(_escaped, path))
    _check_text(path)
    segments = written.split("/")[1:]
    if any(segment in (".", "..") for segment in segments) or "" in segments[:-1]:
        raise _refused("has an empty, '.' or '..' segment")
    return written


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def _written(match: re.Match[str]) -> str:
    byte = int(match[1], 16)
    if _NEVER(bytes([byte])):
        raise _refused(f"has the escape %{byte:02X}, which servers read differently")
    return chr(byte) if byte in _PLAINLY else f"%{byte:02X}"


def _check_text(path: str) -> None:
    """Refuse what is not UTF-8, and signs that some server folds to ASCII: wide letters, dot leaders, ligatures."""
    raw = unquote_to_bytes(path)
    if raw.isascii():
        return
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _refused("is not UTF-8") from None
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise _refused("has a control character in it")
    for character in text:
        folded = unicodedata.normalize("NFKC", character)
        if not character.isascii() and (folded.isascii() or not _STRUCTURE.isdisjoint(folded)):
            raise _refused("has a sign that some servers read as another")


def _refused(what: str) -> Refused:
    return Refused(400, f"The path of the address {what}.")
