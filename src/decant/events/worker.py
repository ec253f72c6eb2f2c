"""A thread with one job that at most one process of the machine does at a time."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from decant.events.consumer import Pause

log = logging.getLogger(__name__)
POLL_S = 1.0


class ProcessLock:
    """A lock between processes that ends with its holder, however that dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        return self._handle is not None

    def acquire(self) -> bool:
        """Take the lock if it is free; return whether it is ours."""
        if self._handle is not None:
            return True
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Worker:
    """Repeats a step for as long as it finds work, then sleeps until it is woken, or a second.

    Args:
        name: Names the thread.
        step: Does a piece of work and returns how much it was; gets what to wait with.
        lock: Held while this process does the job; another one takes over when it ends.
    """

    def __init__(self, name: str, step: Callable[[Pause], int], lock: ProcessLock) -> None:
        self.name = name
        self._step = step
        self._lock = lock
        self._turn = threading.Lock()
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._complaint = ""

    @property
    def working(self) -> bool:
        """Whether the job is this process's."""
        return self._lock.held

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"decant-{self.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._awake.set()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        self._awake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came."""
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
        self._lock.release()
        return True

    def once(self, pause: Pause) -> int:
        """Do one step here and now, unless another process has the job."""
        with self._turn:
            return self._step(pause) if self._lock.acquire() else 0

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._try_once():
                self._awake.wait(POLL_S)
                self._awake.clear()

    def _try_once(self) -> int:
        try:
            done = self.once(self._pause)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive every outage
            self._complain(error)
            return 0
        if self._complaint:
            log.info("%s goes on", self.name)
            self._complaint = ""
        return done

    def _complain(self, error: Exception) -> None:
        """Log a failure, the same one only once."""
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            log.warning("%s stands still: %s", self.name, complaint)
        self._complaint = complaint

    def _pause(self, seconds: float) -> bool:
        return not self._stopping.wait(seconds)
