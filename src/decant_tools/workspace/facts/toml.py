"""TOML, parsed once for all who ask in a row: most of the time that a manifest takes is spent here."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from decant_tools.workspace.facts.plain_toml import read_plain

_LINE = re.compile(r"\bat line (\d+)")


@lru_cache(maxsize=1)
def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a text; whoever asked last shares them, so nobody changes them.

    Raises:
        ValueError: When it is no TOML.
    """
    plain = read_plain(text)
    if plain is not None:
        return plain
    import tomllib

    return tomllib.loads(text)


def broken_line(error: Exception, text: str) -> int:
    """Return the line that a parser's error is about; 0 where it does not say."""
    if found := _LINE.search(str(error)):
        return int(found[1])
    return text.rstrip().count("\n") + 1 if "at end of document" in str(error) else 0
