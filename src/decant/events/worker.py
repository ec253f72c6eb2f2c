"""A thread with one job that at most one process of the machine does at a time."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)
POLL_S = 1.0
_HELD = b"held"


class Job(Protocol):
    """What a worker repeats."""

    def begin(self, *, after_a_death: bool) -> None:
        """Take the job over; ``after_a_death`` when who had it before did not give it back."""
        ...

    def step(self, stopping: Callable[[], bool], *, hurry: bool) -> int:
        """Do a piece of work and return how much it was; ``hurry`` leaves waits out."""
        ...

    def wait_s(self) -> float:
        """Return how long nothing is to be done, unless the worker is woken."""
        ...

    def flush(self) -> None:
        """Write down what may be written later."""
        ...

    def close(self) -> None:
        """Give the job back."""
        ...


class ProcessLock:
    """A lock between processes that ends with its holder, however that dies.

    Attributes:
        after_a_death: Whether the holder before this one died with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self.after_a_death = False

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
            self.after_a_death = os.pread(handle, len(_HELD), 0) == _HELD
            os.pwrite(handle, _HELD, 0)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.truncate(handle, 0)
            os.close(handle)


class Worker:
    """Repeats a job's step for as long as it finds work, then sleeps until it is woken, or for a second.

    Args:
        name: Names the thread.
        job: What to do.
        lock: Held while this process does the job; another one takes over when it ends.
    """

    def __init__(self, name: str, job: Job, lock: ProcessLock) -> None:
        self.name = name
        self._job = job
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
        if self._lock.held:
            self._give_back()
        return True

    def _give_back(self) -> None:
        try:
            self._job.close()
        except Exception as error:  # noqa: BLE001 - what could not be written down is done again
            self._complain(error)
        self._lock.release()

    def once(self, *, hurry: bool = False) -> int:
        """Do one step here and now, unless another process has the job."""
        with self._turn:
            if not self._lock.held:
                if not self._lock.acquire():
                    return 0
                self._job.begin(after_a_death=self._lock.after_a_death)
            return self._job.step(self._stopping.is_set, hurry=hurry)

    def flush(self) -> None:
        if self._lock.held:
            with self._turn:
                self._job.flush()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.clear()  # before the look, so that what comes during it is looked for
            self._try_once()
            if not self._stopping.is_set():
                self._awake.wait(self._job.wait_s() if self._lock.held and not self._complaint else POLL_S)

    def _try_once(self) -> None:
        try:
            self.once()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive every outage
            self._complain(error)
            return
        if self._complaint:
            log.info("%s goes on", self.name)
            self._complaint = ""

    def _complain(self, error: Exception) -> None:
        """Log a failure, the same one only once."""
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            log.warning("%s stands still: %s", self.name, complaint)
        self._complaint = complaint
