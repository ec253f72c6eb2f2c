"""Near names for what a person mistyped."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a mistyped one most likely meant, or None."""
    from difflib import get_close_matches

    by_fold = {other.casefold(): other for other in known}
    found = get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?``, or the names that exist."""
    names = list(known)
    near = nearest(name, names)
    if near is not None:
        return f"Did you mean {near!r}?"
    return f"There are: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}." if names else "There are none."
