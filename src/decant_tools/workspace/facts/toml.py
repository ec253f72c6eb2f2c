"""TOML, parsed once for all who ask in a row: most of the time that a manifest takes is spent here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from decant_tools.workspace.facts.plain_toml import read_plain


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
