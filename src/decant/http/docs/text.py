"""Plain text and JSON as safe HTML: paragraphs, lists and code words; JSON with its parts marked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup, escape

MARKED = re.compile(r"``(.+?)``|`([^`]+)`|\*\*(?=\S)(.+?)(?<=\S)\*\*|(?<!\w)\*(?=\S)([^*]+?)(?<=\S)\*(?!\w)")
TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\b\d[\d.eE+-]*)|(?P<word>\b(?:true|false|null)\b)"
)


def prose(text: str) -> Markup:
    """Return text as paragraphs and lists; what stands in backquotes as code, in stars with stress."""
    return Markup("").join(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block.strip())


def _block(block: str) -> Markup:
    lines = [line.strip() for line in block.strip().splitlines()]
    if all(line.startswith(("- ", "* ")) for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(inline(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(inline(" ".join(lines)))


def inline(text: str) -> Markup:
    """Return one line of text with what stands in backquotes as code, in stars with stress."""
    return Markup("").join(_pieces(text))


def _pieces(text: str) -> Iterator[Markup]:
    end = 0
    for found in MARKED.finditer(text):
        yield escape(text[end : found.start()])
        tag = ("code", "code", "strong", "em")[(found.lastindex or 1) - 1]
        yield Markup("<{0}>{1}</{0}>").format(Markup(tag), found[found.lastindex or 0])  # noqa: S704 - one of four
        end = found.end()
    yield escape(text[end:])


def pretty(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def coloured(text: str) -> Markup:
    """Return JSON text with keys, strings, numbers and words marked for the style sheet."""
    parts, end = [], 0
    for found in TOKEN.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<span class="j-{}">{}</span>').format(found.lastgroup, found[0]))
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])])
