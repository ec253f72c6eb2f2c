"""JSON data as XML: every key an element, every list entry an ``item``, null an empty element.

Source: XML 1.0 (https://www.w3.org/TR/xml/); for problems RFC 9457, appendix B.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MEDIA_TYPE = "application/xml"
PROBLEM_NAMESPACE = "urn:ietf:rfc:7807"

_name = re.compile(r"(?!(?i:xml))[A-Za-z_][A-Za-z0-9_.-]*").fullmatch
# What XML 1.0 has no way to write at all, not even as a reference.
_impossible = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


def encode_xml(document: Any) -> bytes:
    """Return JSON data as an XML document with the root ``response``.

    Characters that XML cannot carry become U+FFFD. A key that is no XML name becomes
    ``<entry key="…">``; so does one that begins with ``xml``, which the standard reserves.

    Example:
        >>> encode_xml({"id": 1, "tags": ["a", None]}).decode().split("?>")[1].strip()
        '<response><id>1</id><tags><item>a</item><item nil="true"/></tags></response>'
    """
    return _document("response", "", document, "item")


def encode_problem_xml(document: Any) -> bytes:
    """Return a problem document as ``application/problem+xml``."""
    return _document("problem", f' xmlns="{PROBLEM_NAMESPACE}"', document, "i")


def _document(root: str, attributes: str, document: Any, item: str) -> bytes:
    text = "".join(_element(root, attributes, document, item))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def _element(name: str, attributes: str, value: Any, item: str) -> Iterator[str]:
    if value is None:
        yield f'<{name}{attributes} nil="true"/>'
        return
    yield f"<{name}{attributes}>"
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _entry(key, child, item)
    elif isinstance(value, list):
        for child in value:
            yield from _element(item, "", child, item)
    else:
        yield _scalar(value)
    yield f"</{name}>"


def _entry(key: str, child: Any, item: str) -> Iterator[str]:
    if _name(key):
        return _element(key, "", child, item)
    return _element("entry", f' key="{_clean(key).translate(_ATTRIBUTE)}"', child, item)


def _scalar(value: Any) -> str:
    return _clean(value).translate(_TEXT) if isinstance(value, str) else json.dumps(value)


def _clean(text: str) -> str:
    return _impossible.sub("\ufffd", text)
