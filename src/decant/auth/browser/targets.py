"""Where a browser may be sent after signing in: to a page of this site, and nowhere else."""

from __future__ import annotations

LONGEST = 2000


def local_path(target: object, default: str = "/") -> str:
    """Return a path of this site as it came, or the default for everything else.

    Browsers read a backslash as a slash, drop tabs and line ends, and take two slashes for the name of a host.

    Args:
        target: What a request says, for instance its ``next`` parameter.
        default: For whatever is not certainly a path.

    Example:
        >>> local_path("/orders/7?tab=items")
        '/orders/7?tab=items'
        >>> local_path("//evil.example"), local_path("https://evil.example")
        ('/', '/')
    """
    if not isinstance(target, str) or not 0 < len(target) <= LONGEST:
        return default
    if target[0] != "/" or target[1:2] == "/" or "\\" in target or not target.isprintable():
        return default
    return target
