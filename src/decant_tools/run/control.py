"""How commands reach a running supervisor: a socket of its owner alone, one JSON line there and one back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from decant.errors import CommandError
from decant_tools.run.folder import RunFolder

MAX_BYTES = 1024 * 1024
CLIENTS = 16
"""Clients that are listened to at the same time."""
SAID_WITHIN_S = 5.0
"""Seconds that a client gets to say what it wants."""

Request = dict[str, Any]
Answer = Callable[[Request], Awaitable[dict[str, Any]]]


@contextlib.asynccontextmanager
async def listening(folder: RunFolder, answer: Answer) -> AsyncIterator[None]:
    """Answer commands until the context ends.

    Args:
        folder: Where the socket lies.
        answer: Answers one request; a :class:`~decant.errors.CommandError` is passed on to the command.
    """
    places = asyncio.Semaphore(CLIENTS)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError):  # a client that says nothing, or nonsense
            async with places, asyncio.timeout(SAID_WITHIN_S):  # not while it is done: `down` comes through always
                request = json.loads(await reader.readline())
            writer.write(json.dumps(await _answered(answer, request)).encode() + b"\n")
            await writer.drain()
        writer.close()

    with folder.socket_path() as path:
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(serve, path, limit=MAX_BYTES)
        finally:
            os.umask(before)
    try:
        yield
    finally:
        server.close()
        with folder.socket_path() as path, contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - a short name of it, which Path would not keep


async def _answered(answer: Answer, request: Any) -> dict[str, Any]:
    try:
        return {"ok": True, **await answer(request if isinstance(request, dict) else {})}
    except CommandError as error:
        return {"ok": False, "detail": error.detail, "hint": error.hint, "exit_code": error.exit_code}


def ask(folder: RunFolder, verb: str, *, timeout_s: float = 60.0, **request: Any) -> dict[str, Any]:
    """Ask the running supervisor and return its answer.

    Raises:
        CommandError: Exit code 4 when none runs, 5 when it does not answer in time, or whatever it says.
    """
    try:
        with folder.socket_path() as path, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout_s)
            client.connect(path)
            client.sendall(json.dumps({"verb": verb, **request}).encode() + b"\n")
            with client.makefile("rb") as lines:
                line = lines.readline(MAX_BYTES)
    except TimeoutError:
        raise CommandError(f"The supervisor did not answer within {timeout_s:g} s.", exit_code=5) from None
    except OSError:
        raise not_running() from None
    if not line:
        raise not_running()
    answer: dict[str, Any] = json.loads(line)
    if not answer.pop("ok"):
        raise CommandError(answer["detail"], hint=answer["hint"], exit_code=answer["exit_code"])
    return answer


def not_running() -> CommandError:
    """Return what is said where nothing runs."""
    return CommandError("Nothing of this workspace runs.", hint="Start it with `decant up`.", exit_code=4)
