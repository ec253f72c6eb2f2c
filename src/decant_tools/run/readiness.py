"""Whether a process can be used: it answers at a path with 200, or takes connections."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Probe:
    """How a process is asked whether it can be used.

    Attributes:
        host: Where it listens.
        port: Where it listens.
        path: A path that answers 200; None where taking a connection is enough.
    """

    host: str
    port: int
    path: str | None = None

    async def ask(self, timeout_s: float) -> str:
        """Return "" when it can be used, else why not, in words."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask()
        except TimeoutError:
            return f"no answer within {timeout_s:g} s"
        except OSError as error:
            return f"{self.host}:{self.port}: {error.strerror or error}"

    async def _ask(self) -> str:
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=HEAD_BYTES)
        try:
            if self.path is None:
                return ""
            writer.write(
                f"GET {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nConnection: close\r\n\r\n".encode()
            )
            line = (await reader.read(HEAD_BYTES)).split(b"\r\n", 1)[0].decode("latin-1")
            words = line.split(" ", 2)
            if len(words) < 2 or not words[0].startswith("HTTP/"):
                return f"GET {self.path} ended without an answer"
            return "" if words[1] == "200" else f"GET {self.path} answers {words[1]}"
        finally:
            writer.close()


async def ask_url(url: str, timeout_s: float) -> str:
    """Return "" when something listens where a URL points, else why not."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return await Probe(parts.hostname or "", port).ask(timeout_s)
