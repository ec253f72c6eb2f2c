"""Names of modules, and what was probably meant by a wrong one."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterable

from decant.errors import SetupError

RESERVED = frozenset({"decant", "each", "edge", "gateway", "static"})
"""Names that mean something else in ``decant.toml``, in endpoints or in imports."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the names near to a wrong one, or all that there are."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return f"There are: {', '.join(names)}." if names else "There are none."


def check_module_name(name: str) -> str:
    """Return a module's name.

    Raises:
        SetupError: When it cannot be part of an endpoint, a table's name and an environment variable alike.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise SetupError(
            f"{name!r} cannot be a module's name.",
            hint="Use a Python identifier in lower case, for instance 'catalog': it names endpoints, tables and "
            "environment variables. Write `module = Module(__name__)` in the package's __init__.py.",
        )
    if name in RESERVED:
        raise SetupError(
            f"The module name {name!r} is reserved.",
            hint=f"Choose another one than {', '.join(sorted(RESERVED))}.",
        )
    return name
