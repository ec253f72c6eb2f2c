"""Targets of a project's Makefile."""

from __future__ import annotations

import re

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""In the order in which make looks for them."""

_RULE = re.compile(r"^(?P<names>[^\s:#=][^:#=]*?)[ \t]*::?(?!=)", re.MULTILINE)
_OURS = re.compile(r"^\t.*\bdecant\b", re.MULTILINE)


def targets(text: str) -> frozenset[str]:
    r"""Return the targets of a Makefile, without those that stand for others.

    One whose recipes call ``decant`` has none: it is there to call this tool, not to be called by it.

    Example:
        >>> sorted(targets(".PHONY: test\ntest lint: deps\n\tpytest\nX := 1\n"))
        ['lint', 'test']
    """
    if _OURS.search(text):
        return frozenset()
    names = (name for rule in _RULE.finditer(text) for name in rule["names"].split())
    return frozenset(name for name in names if not name.startswith(".") and "%" not in name and "$" not in name)
