"""Runs a plan: what needs nothing first, several at once, and what need not run not at all."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from decant.errors import DecantError
from decant_tools.workspace.tasks.definitions import OWN_PYTHON
from decant_tools.workspace.tasks.keys import Key
from decant_tools.workspace.tasks.model import Result, Task, TaskId
from decant_tools.workspace.tasks.order import Plan
from decant_tools.workspace.tasks.results import Results

if TYPE_CHECKING:
    from decant_tools.workspace.tasks.process import Process

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WAKE_S = 0.25
_LEFT_AFTER_S = 2.0
"""Seconds after the second signal for which what was killed is waited for."""

CANNOT_START = 127


IsSame = Callable[[Task], bool]
"""Returns whether the inputs of a task are what they were when the run began."""


class Watcher(Protocol):
    """Is told how a run goes; from several threads."""

    def started(self, task: Task) -> None: ...
    def wrote(self, task: Task, chunk: bytes) -> None: ...
    def finished(self, result: Result) -> None: ...
    def tick(self) -> None: ...
    def say(self, sentence: str) -> None: ...


class Setup(NamedTuple):
    """What a run needs beside its plan.

    Attributes:
        root: The workspace.
        logs: The folder for what tasks write.
        keys: What the results of the plan's tasks are found by.
        look_again: Looks at all files as they are now; what it returns says whether a task's are the same as before.
        environ_of: The environment of a task's process; it may have to be made first.
        parallel: How many tasks run at once.
        is_failing_fast: End everything at the first failure.
        kept: Is told whose result was kept.
    """

    root: Path
    logs: Path
    keys: Mapping[TaskId, Key]
    look_again: Callable[[], IsSame]
    environ_of: Callable[[Task], Mapping[str, str]]
    parallel: int = 1
    is_failing_fast: bool = False
    kept: Callable[[Task], None] = lambda _: None


class Runner:
    """One run of a plan.

    Args:
        plan: What is to run.
        setup: What it needs.
        results: Kept results.
        watcher: Is told how it goes.

    Attributes:
        has_kept: Whether a result was kept.
    """

    def __init__(self, plan: Plan, setup: Setup, results: Results, watcher: Watcher) -> None:
        self._plan = plan
        self._setup = setup
        self._results = results
        self._watcher = watcher
        self._found: dict[TaskId, Result] = {}
        self._events: queue.SimpleQueue[Result | int] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._running: dict[TaskId, Process] = {}
        self._lock = threading.Lock()
        self._signals = 0
        self.has_kept = False
        self._is_ending = False
        self._leave_at = float("inf")
        self._snapshots = _Snapshots(setup.look_again)

    @property
    def is_interrupted(self) -> bool:
        return self._signals > 0

    def run(self) -> list[Result]:
        """Run everything, and return how each task went, in the order of the plan."""
        self._replay()
        if len(self._found) < len(self._plan.tasks):
            with self._signals_taken():
                self._run_rest()
        return [self._found[each] for each in self._plan.tasks]

    # --- without a process ---

    def _replay(self) -> None:
        """Settle what is kept on this machine or has nothing to do; no thread is needed for it."""
        for task in self._plan.tasks.values():
            if not all(need in self._found for need in task.needs if need in self._plan.tasks):
                continue
            if not task.command:
                self._finish(Result(task, "empty", note=task.note))
            elif result := self._kept(task, everywhere=False):
                self._finish(result)

    def _kept(self, task: Task, *, everywhere: bool) -> Result | None:
        key = self._setup.keys[task.id]
        header = self._results.find(task, key, everywhere=everywhere)
        if header is None:
            return None
        age_s = max(0.0, time.time() - header.made)
        return Result(task, "cached", header.duration_s, header.note, 0, age_s, None, key.digest)

    def _finish(self, result: Result) -> None:
        self._found[result.task.id] = result
        self._watcher.finished(result)

    # --- with processes ---

    def _run_rest(self) -> None:
        left = [task for task in self._plan.tasks.values() if task.id not in self._found]
        threads = [
            threading.Thread(target=self._work, name=f"task {number}", daemon=True)
            for number in range(min(self._setup.parallel, len(left)))
        ]
        for thread in threads:
            thread.start()
        queued: set[TaskId] = set()
        while len(self._found) < len(self._plan.tasks) and time.monotonic() < self._leave_at:
            self._queue_ready(queued)
            self._take_event(queued)
        for _ in threads:
            self._ready.put(None)
        for thread in threads:
            thread.join(None if self._leave_at == float("inf") else 0)
        for task in self._plan.tasks.values():
            if task.id not in self._found:  # it was killed, or its environment was being made
                self._finish(Result(task, "skipped", note="it was killed"))

    def _queue_ready(self, queued: set[TaskId]) -> None:
        """Hand over what waits for nothing any more; what can never run is settled here."""
        for task in self._plan.tasks.values():
            if task.id in self._found or task.id in queued:
                continue
            needs = [self._found.get(need) for need in task.needs if need in self._plan.tasks]
            bad = next((need for need in needs if need is not None and not need.is_ok), None)
            if bad is not None:
                self._finish(Result(task, "skipped", note=f"{bad.task.id} {_past(bad)}"))
            elif self._is_ending:
                self._finish(Result(task, "skipped", note="the run was ended"))
            elif None not in needs:
                if not task.command:
                    self._finish(Result(task, "empty", note=task.note))
                else:
                    queued.add(task.id)
                    self._ready.put(task)

    def _take_event(self, queued: set[TaskId]) -> None:
        if not queued - self._found.keys():
            return
        try:
            event = self._events.get(timeout=_WAKE_S)
        except queue.Empty:
            self._watcher.tick()
            return
        if isinstance(event, int):
            self._on_signal(event)
            return
        self._finish(event)
        if event.status == "failed" and self._setup.is_failing_fast and not self._is_ending:
            self._watcher.say(f"{event.task.id} failed: what else runs is ended.")
            self._end_all()

    def _on_signal(self, signum: int) -> None:
        self._signals += 1
        if self._signals > 1:
            self._watcher.say("Killing what still runs.")
            self._leave_at = time.monotonic() + _LEFT_AFTER_S
            for process in self._processes():
                process.kill()
            return
        names = ", ".join(map(str, self._running)) or "nothing"
        self._watcher.say(f"{signal.Signals(signum).name}: ending {names}. Once more to kill.")
        self._end_all()

    def _end_all(self) -> None:
        self._is_ending = True
        for process in self._processes():
            process.interrupt()

    def _processes(self) -> list[Process]:
        with self._lock:
            return list(self._running.values())

    # --- in a thread of the pool ---

    def _work(self) -> None:
        while (task := self._ready.get()) is not None:
            try:
                result = self._settle(task)
            except DecantError as error:
                log = self._write_log(
                    task, f"error: {error.detail}\n" + (f"help: {error.hint}\n" if error.hint else "")
                )
                result = Result(task, "failed", note=error.detail, output=log)
            except Exception as error:  # noqa: BLE001 - the edge of a thread: a run ends with a result for each task
                result = Result(task, "failed", note=f"{type(error).__name__}: {error}")
            self._events.put(result)

    def _settle(self, task: Task) -> Result:
        if self._is_ending:
            return Result(task, "skipped", note="the run was ended")
        if self._results.has_remote and (found := self._kept(task, everywhere=True)):
            return found
        self._watcher.started(task)
        return self._run_one(task)

    def _run_one(self, task: Task) -> Result:
        from decant_tools.workspace.tasks.process import Log, Process

        environ = self._setup.environ_of(task)
        log = Log(self._log_path(task))
        try:
            process = Process(_words(task), self._setup.root / task.cwd, environ)
            with self._lock:
                self._running[task.id] = process
            if self._is_ending:
                process.interrupt()

            def take(chunk: bytes) -> None:
                log.write(chunk)
                self._watcher.wrote(task, chunk)

            ended = process.wait(take, task.timeout_s)
        finally:
            with self._lock:
                self._running.pop(task.id, None)
            log.close()
        result = Result(task, "failed", ended.duration_s, exit_code=ended.exit_code, output=str(log.path))
        if self._is_ending:
            return replace(result, status="skipped", note="it was ended")
        if ended.is_late:
            return replace(result, note=f"it took longer than {task.timeout_s:g} s")
        if ended.exit_code not in {0, *task.notes}:
            return replace(result, note=_how(ended.exit_code))
        note = task.notes.get(ended.exit_code, task.note)
        return self._keep(replace(result, status="passed", note=note, key=self._setup.keys[task.id].digest))

    def _keep(self, result: Result) -> Result:
        """Keep a result, unless its inputs changed while it ran: nobody knows which of them it saw."""
        task = result.task
        if not task.is_cached or not self._results.is_written:
            return result
        key = self._setup.keys[task.id]
        if not self._snapshots.after(time.monotonic())(task):
            return replace(result, note=_joined(result.note, "not kept: its inputs changed while it ran"), key="")
        output = Path(result.output).read_bytes() if result.output else b""
        problem = self._results.keep(task, key, output, result.duration_s, result.note)
        if not problem:
            self.has_kept = True
            self._setup.kept(task)
        return replace(result, note=_joined(result.note, problem))

    def _log_path(self, task: Task) -> Path:
        return self._setup.logs / task.id.name / (task.id.project.replace(":", ".").replace("/", "-") + ".log")

    def _write_log(self, task: Task, text: str) -> str | None:
        with contextlib.suppress(OSError):
            path = self._log_path(task)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return str(path)
        return None

    @contextlib.contextmanager
    def _signals_taken(self) -> Iterator[None]:
        """Turn signals into events for as long as there is something to end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def take(signum: int, _: FrameType | None) -> None:
            self._events.put(signum)

        before = {signum: signal.signal(signum, take) for signum in _SIGNALS}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


class _Snapshots:
    """The files as they are, looked at once for all tasks that ended before."""

    def __init__(self, look: Callable[[], IsSame]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._began = float("-inf")
        self._is_same: IsSame = lambda _: False

    def after(self, moment: float) -> IsSame:
        with self._lock:
            if self._began < moment:
                began = time.monotonic()
                self._is_same = self._look()
                self._began = began
            return self._is_same


def _words(task: Task) -> tuple[str, ...]:
    """Return a task's command, with this tool's own Python where that is meant."""
    return tuple(sys.executable if word == OWN_PYTHON else word for word in task.command)


def _how(exit_code: int) -> str:
    if exit_code < 0:
        return f"ended by {signal.Signals(-exit_code).name}"
    return "it could not be started" if exit_code == CANNOT_START else f"exit code {exit_code}"


def _past(result: Result) -> str:
    return "failed" if result.status == "failed" else "did not run"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
