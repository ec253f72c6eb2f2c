"""One process, from its start to its end: its output is always read, and its whole group ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from decant.serving.process import PARENT, children_environ
from decant.serving.sockets import hand_over, leave
from decant_tools.run.folder import RUN_NAME, kill_processes
from decant_tools.run.lines import MAX_LINE_BYTES, Fields, read_line
from decant_tools.run.plan import ProcessPlan

READ_BYTES = 64 * 1024
DRAINED_WITHIN_S = 0.5
"""Seconds for which the output of an ended process is waited for: something may still hold the pipe."""

SERVING = (("decant.serving", "serving "), ("decant.gateway", "the gateway listens "))
"""Who logs the line that says that requests are taken, and how it begins."""


class Instance:
    """A running process of a plan. Make it with :meth:`start`.

    Attributes:
        plan: What it is.
        pid: Its process, which leads a group of its own.
        announced: Set when it said that it takes requests; only programs of ours do.
        ended: Set when it has ended and its output has been read.
        since: When it was started (monotonic seconds).
    """

    def __init__(self, plan: ProcessPlan, process: subprocess.Popen[bytes], take: Callable[[Fields], None]) -> None:
        self.plan = plan
        self.pid = process.pid
        self.announced = asyncio.Event()
        self.ended = asyncio.Event()
        self.since = time.monotonic()
        self._process = process
        self._take = take
        self._watch = asyncio.create_task(self._run(), name=f"watch {plan.name}")

    @classmethod
    async def start(cls, plan: ProcessPlan, listener: socket.socket | None, take: Callable[[Fields], None]) -> Instance:
        """Start a process.

        Args:
            plan: What to start.
            listener: The listening socket that it is given, or None.
            take: Gets each line that it writes, as fields.

        Raises:
            OSError: When it cannot be started.
            CommandError: When its settings are wrong.
        """
        if plan.renew is not None:
            plan = await asyncio.to_thread(plan.renew)
        argv: Sequence[str] = plan.command()
        if listener:
            argv = hand_over(listener, argv)
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own waits for the pipe's end too, which a daemon may hold
            argv,
            env=children_environ(plan.environ, **{PARENT: str(os.getpid())}),
            cwd=plan.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # a Ctrl-C in the terminal does not reach it behind the supervisor's back
            pass_fds=[listener.fileno()] if listener else [],
        )
        return cls(plan, process, take)

    @property
    def returncode(self) -> int:
        """How it ended; negative for a signal. Only when :attr:`ended` is set."""
        code = self._process.returncode
        return 0 if code is None else code

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    def leave(self) -> None:
        """Tell a service of ours to take no new connection: another instance serves the same socket."""
        if self.is_alive:
            leave(self.pid)

    async def stop(self, grace_s: float) -> None:
        """End it: SIGTERM, and SIGKILL to its group when the grace is over."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), grace_s)
        self.kill()
        await self.ended.wait()

    def kill(self) -> None:
        """Kill its group now."""
        if self.is_alive:
            _kill_group(self.pid)

    async def _run(self) -> None:
        reading = asyncio.create_task(self._read(), name=f"read {self.plan.name}")
        await _end_of(self.pid)
        _kill_group(self.pid)  # what it started itself, and left
        self._process.wait()  # now, and in this thread: until then nobody else can have its number
        if self.plan.kind == "foreign":  # a daemon of it has left the group, and with a killed shim nobody else ends it
            kill_processes(self.plan.environ.get(RUN_NAME, ""))
        await asyncio.wait([reading], timeout=DRAINED_WITHIN_S)
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        self.ended.set()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        try:
            await self._read_lines(reader)
        finally:
            transport.close()

    async def _read_lines(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await reader.read(READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._line(line)
        if rest:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        fields = read_line(line[:MAX_LINE_BYTES], self.plan.name)
        if any(fields.get("logger") == logger and fields["message"].startswith(start) for logger, start in SERVING):
            self.announced.set()
        self._take(fields)


async def _end_of(pid: int) -> None:
    """Return when a process has ended, and is a zombie: a thread waits for it, whatever still holds its output."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wait() -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # nobody is there any more to be told
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name=f"wait {pid}", daemon=True).start()
    await ended.wait()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
