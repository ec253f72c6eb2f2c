"""Text on the documentation page is readable: a contrast of 4.5 to 1, in light and in dark (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from itertools import product

import pytest

from decant.http.docs.views import FOLDER

SHEET = (FOLDER / "static" / "docs.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
)
TEXT = ("ink", "soft", "accent", "get", "post", "put", "delete", "key", "string", "number", "word")
GROUNDS = ("paper", "raised", "sunken")
PAIRS = [
    *product(TEXT, GROUNDS),
    *((name, f"{name}-wash") for name in ("get", "post", "put", "delete", "accent")),
    ("paper", "accent"),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out(colours: dict[str, str], text: str, ground: str) -> None:
    high, low = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5
