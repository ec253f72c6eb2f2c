"""Request targets, and what else a request asks of the gateway itself."""

from __future__ import annotations

import re

from decant.gateway.framing import RequestHead
from decant.gateway.paths import canonical_path
from decant.gateway.problems import Refused

_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)(.*)").fullmatch


def check_offer(request: RequestHead) -> bool:
    """Refuse methods and protocols that are not forwarded; return whether the client waits for a ``100 Continue``.

    Raises:
        Refused: 501 for ``CONNECT``, ``TRACE`` and WebSockets, 417 for other expectations.
    """
    if request.method in ("CONNECT", "TRACE"):
        raise Refused(501, f"{request.method} is not forwarded.", closes=True)
    named = request.named
    upgrade = named.get(b"upgrade")
    if upgrade is not None and b"websocket" in upgrade.lower():
        raise Refused(501, "WebSockets are not forwarded.", closes=True)
    expect = named.get(b"expect")
    if expect is None or not request.minor:
        return False
    if expect.lower() != b"100-continue":
        raise Refused(417, "Only `100-continue` can be expected.")
    return request.length != 0


def canonical_target(request: RequestHead, target: str) -> tuple[str, str, str]:
    """Return a target in origin form, its canonical path and its query.

    Raises:
        Refused: 400 for any form that is not sent on.
    """
    if not target.startswith("/"):
        match = _ABSOLUTE(target)
        if match is None:
            raise Refused(400, "The address is neither a path nor an absolute URL.", closes=True)
        if match[1].lower().encode() != request.host.lower():
            raise Refused(400, "The address names another host than the Host header.", closes=True)
        rest = match[2]
        target = rest if rest.startswith("/") else f"/{rest}"
    path, _, query = target.partition("?")
    return target, canonical_path(path), query
