"""Who a request is from, where a proxy that we trust stands in between.

Only the peer of a connection is known for certain. What it says in ``X-Forwarded-For``, ``-Proto`` and ``-Host`` counts
when it is one of the trusted proxies; from anybody else it is taken out, so that no view believes it by mistake.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from decant.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")
PEER = "decant.peer"
"""The environ key that keeps the address of the connection's other end."""

_host = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?").fullmatch


class TrustedProxies:
    """WSGI middleware that puts the client's address, scheme and host in place of those of a trusted proxy.

    Args:
        app: What it stands before.
        trusted: Addresses and networks, as :func:`parse_networks` reads them.
    """

    def __init__(self, app: WSGIApplication, trusted: Sequence[Network]) -> None:
        self.app = app
        self._trusted = tuple(trusted)
        self._known: dict[str, bool] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        said = [environ.pop(name, None) for name in FORWARDED]
        if any(said) and self._is_trusted_peer(peer):
            environ[PEER] = peer
            self._believe(environ, *said)
        return self.app(environ, start_response)

    def _believe(self, environ: WSGIEnvironment, chain: str | None, scheme: str | None, host: str | None) -> None:
        client = self._client(chain or "")
        if client is not None:
            environ["REMOTE_ADDR"] = str(client)
            environ.pop("REMOTE_PORT", None)  # it was the proxy's
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        if host is not None and _host(host):
            environ["HTTP_HOST"] = host

    def _client(self, chain: str) -> Address | None:
        """Return the last address of a chain that is no proxy of ours; what is before it, anybody may have written."""
        found = None
        for part in reversed(chain.split(",")):
            address = _parse_address(part.strip())
            if address is None:
                return found
            found = address
            if not self._is_trusted(address):
                return found
        return found

    def _is_trusted_peer(self, peer: str) -> bool:
        known = self._known.get(peer)
        if known is None:
            address = _parse_address(peer)
            known = address is not None and self._is_trusted(address)
            if len(self._known) < 1024:  # peers are as many as someone likes
                self._known[peer] = known
        return known

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return addresses (``10.0.0.7``) and networks (``10.0.0.0/8``, ``fd00::/8``).

    Raises:
        SettingsError: With every text that is neither.
    """
    networks: list[Network] = []
    faults = []
    for text in filter(None, map(str.strip, texts)):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError:
            faults.append(f"trusted proxies: {text!r} is no address and no network. Write 10.0.0.7 or 10.0.0.0/8")
    if faults:
        raise SettingsError(faults)
    return tuple(networks)


def _parse_address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
