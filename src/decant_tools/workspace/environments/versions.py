"""Orders versions, as far as a choice between two of them needs it."""

from __future__ import annotations

import re


def as_version(text: str) -> tuple[tuple[int, ...], bool, str]:
    """Return a sort key: the numbers of the release, whether it is final, and the rest.

    Example:
        >>> sorted(["2.10", "2.9", "2.10rc1"], key=as_version)
        ['2.9', '2.10rc1', '2.10']
    """
    found = re.match(r"v?(?:\d+!)?(?P<release>\d+(?:\.\d+)*)(?P<rest>.*)", text.strip())
    if found is None:
        return (), False, text
    release = tuple(int(part) for part in found["release"].split("."))
    return release, not re.match(r"[._-]?(a|b|c|rc|dev|alpha|beta|pre)", found["rest"]), found["rest"]
