"""Which transport a URL means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from decant.errors import SetupError
from decant.events.base import Transport
from decant.events.embedded import EmbeddedTransport

FILE = "events.sqlite3"


def transport_for(url: str | None, home: Path) -> Transport:
    """Make the transport of ``EVENTS_URL``; the embedded log in ``home`` where it is not set.

    Args:
        url: ``sqlite:///path/of/the/log``, or None.
        home: ``DECANT_HOME``.

    Raises:
        SetupError: For a URL of a kind that nothing here speaks.
    """
    if not url:
        return EmbeddedTransport(home / FILE)
    scheme = urlsplit(url).scheme
    make = SCHEMES.get(scheme)
    if make is None:
        raise SetupError(
            f"EVENTS_URL: there is no transport for {scheme + '://' if scheme else 'a URL without a scheme'}.",
            hint=f"There are: {', '.join(f'{name}://' for name in SCHEMES)}. Unset it for the embedded log, which all "
            "processes of one machine share.",
        )
    return make(url)


def _embedded(url: str) -> Transport:
    path = urlsplit(url).path.removeprefix("/")
    if not path:
        raise SetupError(
            "EVENTS_URL names no file.",
            hint="Write sqlite:///events.sqlite3, or sqlite:////var/lib/shop/events.sqlite3",
        )
    return EmbeddedTransport(Path(path))


SCHEMES: Mapping[str, Callable[[str], Transport]] = {"sqlite": _embedded}
"""What makes a transport, by the scheme of its URL."""
