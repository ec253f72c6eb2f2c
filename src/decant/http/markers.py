"""Where a parameter comes from, when its name and type do not say: ``Annotated[int, Query()]``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """The parameter is in the query string.

    Args:
        alias: Its name there; None: the parameter's own.
    """

    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """The parameter is a request header.

    Args:
        alias: The header's name; None: the parameter's own, ``_`` written as ``-``.
    """

    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The parameter is in the JSON body; a single one is the whole body, whatever its type."""


Marker = Query | Header | Body
