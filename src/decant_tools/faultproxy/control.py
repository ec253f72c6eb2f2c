"""Tells what a proxy has done, over HTTP: ``GET /`` answers with its tally."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from decant_tools.faultproxy.tally import Tally

HEAD_BYTES = 16_384
HEAD_S = 5.0


async def control(tally: Tally, host: str, port: int) -> asyncio.Server:
    """Answer every request with the tally.

    Args:
        tally: Of the proxy.
        host: Where to listen.
        port: Where to listen; 0 for any free one.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
            body = json.dumps(tally.document()).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Cache-Control: no-store\r\nConnection: close\r\n\r\n" + body)
            await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=HEAD_BYTES)
