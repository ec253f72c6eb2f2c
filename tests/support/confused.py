"""A server that reads paths in every way that some server does, to find out what gets past its front."""

from __future__ import annotations

import posixpath
import threading
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

PROTECTED = ("/admin/secret", "/orders/o1", "/users/me/keys")


def readings(raw: str) -> set[str]:
    """Return all paths that some server could read a raw target as."""
    path = raw.partition("?")[0]
    found = {path}
    for _ in range(3):  # servers unquote once, some frameworks once more
        found |= {unquote(one) for one in found}
    found |= {one.replace("\\", "/") for one in found}
    found |= {unicodedata.normalize("NFKC", one) for one in found}
    found |= {one.partition("\x00")[0] for one in found}
    found |= {"/".join(part.partition(";")[0] for part in one.split("/")) for one in found}
    found |= {posixpath.normpath(one) for one in found}
    found |= {"/" + "/".join(part for part in one.split("/") if part) for one in found}
    return found


class Confused:
    """A WSGI application; its protected handlers count who got in.

    Attributes:
        entered: Raw targets that reached a protected handler.
        seen: All raw targets.
    """

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.seen: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raw = environ["RAW_URI"]
        with self._lock:
            self.seen.append(raw)
            if not readings(raw).isdisjoint(PROTECTED):
                self.entered.append(raw)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]


def spellings(path: str) -> list[str]:
    """Return ways to write a path that some server reads as that path."""
    first, rest = path[1], path[2:]
    last_slash = path.rfind("/")
    head, tail = path[:last_slash], path[last_slash + 1 :]
    escaped = "".join(f"%{ord(one):02x}" for one in tail)
    twice = "".join(f"%25{ord(one):02x}" for one in tail)
    wide = "".join(f"%EF%BC%{0x80 + ord(one) - 0x20:02X}" if "!" <= one <= "_" else one for one in tail)
    return [
        f"/{path}", f"//{path}", f"/.{path}", f"/x/..{path}", f"/%2e{path}", f"/x/%2e%2e{path}", f"/x/.%2e{path}", f"/x/%2E.{path}",
        f"{head}//{tail}", f"{head}/./{tail}", f"{head}/x/../{tail}", f"{head}/%2e/{tail}", f"{head}%2f{tail}", f"{head}%2F{tail}",
        f"{head}%5c{tail}", f"{head}%5C{tail}", f"{head}\\{tail}", f"{head};x/{tail}", f"{path};x", f"{path};x=1", f"{path}%3bx",
        f"{path}%00", f"{path}%00.css", f"{head}%252f{tail}", f"{head}/{twice}", f"/%2e%2e{path}", f"/%252e%252e{path}",
        f"/x%2f..{path}", f"/x%5c..{path}", f"{head}/%E2%80%A4/{tail}", f"{head}%EF%BC%8F{tail}", f"{head}%E2%88%95{tail}", f"{head}/{wide}",
        f"/%{ord(first):02x}{rest}", f"{head}/{escaped}", f"/%{ord(first):02X}{rest}?x=1", f"{path}/", f"{path}/.", f"{path}/x/..", f"{path}#x",
        f"{head}/%c0%ae/{tail}", f"{head}%c0%af{tail}", f"http://shop.test/{path}", f"http://shop.test{head}%2f{tail}", f"{path}?a=/../x",
    ]  # fmt: skip
