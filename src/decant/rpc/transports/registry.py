"""The transports by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from decant.errors import SetupError
from decant.rpc.transports.base import Transport

TRANSPORTS: Final[Mapping[str, str]] = {
    "pyreqwest": "decant.rpc.transports.pyreqwest:PyreqwestTransport",
    "http.client": "decant.rpc.transports.httpclient:HttpClientTransport",
}
"""Name to class; imported when it is asked for."""

AUTO: Final = "auto"
"""The fastest transport that does not stop the server's other requests."""


def transport_named(name: str = AUTO) -> Transport:
    """Make the transport of a name, ready to be shared by all threads.

    Args:
        name: One of :data:`TRANSPORTS`, or ``auto``.

    Raises:
        SetupError: For a name that is not known, or a transport that would stop every other request of this process.
        MissingExtra: When its package is not installed.
    """
    patched = _sockets_are_patched()
    if name == AUTO:
        name = "http.client" if patched else "pyreqwest"
    transport = _class(name)
    if patched and not transport.capabilities.cooperative:
        raise SetupError(
            f"The transport {name} stops every request of a gevent worker while one of them waits for an answer.",
            hint="Leave DECANT_CALLS_TRANSPORT out, or set it to http.client.",
        )
    transport.check_installed()
    return transport()


def _class(name: str) -> type[Transport]:
    path = TRANSPORTS.get(name)
    if path is None:
        near = get_close_matches(name, TRANSPORTS, 1)
        meant = f" Did you mean `{near[0]}`?" if near else ""
        raise SetupError(f"There is no transport `{name}`.{meant}", hint=f"Transports: {', '.join(TRANSPORTS)}.")
    module, _, attribute = path.partition(":")
    found: type[Transport] = getattr(importlib.import_module(module), attribute)
    return found


def _sockets_are_patched() -> bool:
    """Return whether gevent has put its own sockets in the place of the standard library's."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))
