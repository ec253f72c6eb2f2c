"""What a person sees of a run: a few moving lines on a terminal, plain lines elsewhere, groups on GitHub."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from decant_tools.workspace.tasks.model import Result, Status, Task, TaskId
from decant_tools.workspace.tasks.words import MARKS, names_of, outcome, plain, seconds, summary, tail

_COLOURS: Mapping[Status, str] = {"passed": "32", "cached": "32", "failed": "31", "skipped": "33", "empty": "90"}
_ALL_SHOWN = 30
"""Up to how many tasks those without news have lines of their own."""

Replay = Callable[[str], bytes]
"""Returns the kept output of a key."""


class Display:
    """Plain lines: what a task writes behind its name, and a line for each that ended.

    Args:
        tasks: All tasks of the run.
        out: Where output goes.
        notes: Where sentences go.
        replay: Returns kept output.
        colour: Whether to use ANSI colours.
    """

    def __init__(self, tasks: Sequence[Task], out: TextIO, notes: TextIO, replay: Replay, *, colour: bool) -> None:
        self._names = names_of(tasks)
        self._width = max((len(name) for name in self._names.values()), default=0)
        self._out, self._notes, self._replay, self._colour = out, notes, replay, colour
        self._is_single = sum(1 for task in tasks if task.command) == 1
        self._is_long = len(tasks) > _ALL_SHOWN
        self._lock = threading.RLock()
        self._rest: dict[TaskId, bytes] = {}

    def started(self, task: Task) -> None:
        """Nothing: the first line that it writes says so."""

    def wrote(self, task: Task, chunk: bytes) -> None:
        with self._lock:
            *lines, self._rest[task.id] = (self._rest.get(task.id, b"") + chunk).split(b"\n")
            self._show(task, lines)

    def finished(self, result: Result) -> None:
        with self._lock:
            if rest := self._rest.pop(result.task.id, b""):
                self._show(result.task, [rest])
            if result.status == "cached" and (output := self._replay(result.key)):
                self._show(result.task, output.rstrip(b"\n").split(b"\n"))
            self._settled(result)

    def tick(self) -> None:
        """Nothing moves."""

    def say(self, sentence: str) -> None:
        with self._lock:
            self._write(self._notes, f"{sentence}\n")

    def end(self, results: Sequence[Result]) -> None:
        """Show what failed, and one sentence about everything."""
        for result in results:
            if result.status == "failed":
                self._failure(result)
        self.say(self._paint(summary(results), "31" if any(each.status == "failed" for each in results) else "1"))

    # --- parts ---

    def _show(self, task: Task, lines: Sequence[bytes]) -> None:
        head = "" if self._is_single else f"{self._names[task.id].ljust(self._width)} | "
        self._write(self._out, "".join(f"{head}{plain(line)}\n" for line in lines))

    def _settled(self, result: Result) -> None:
        if self._is_long and result.status in {"cached", "empty"} and not self._is_single:
            return
        self._write(self._notes, self._line(result) + "\n")

    def _line(self, result: Result) -> str:
        mark = self._paint(MARKS[result.status], _COLOURS[result.status])
        return f"{mark} {self._names[result.task.id].ljust(self._width)}  {outcome(result)}"

    def _failure(self, result: Result) -> None:
        if not self._is_single:
            head = self._paint(f"── {self._names[result.task.id]}: {outcome(result)} ──", "31")
            self._write(self._out, f"\n{head}\n{tail(result.output)}\n")
        if result.output:
            self.say(f"All of its output: {_short(result.output)}")

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except UnicodeEncodeError:  # a terminal that is not UTF-8
            stream.write(text.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii"))
            stream.flush()


class Terminal(Display):
    """On a terminal: a line for each task that runs, redrawn; the output of a single task as it comes."""

    _drawn = 0

    def __init__(self, tasks: Sequence[Task], out: TextIO, notes: TextIO, replay: Replay, *, colour: bool) -> None:
        super().__init__(tasks, out, notes, replay, colour=colour)
        self._running: dict[TaskId, tuple[float, str]] = {}
        self._left = sum(1 for task in tasks if task.command)

    def started(self, task: Task) -> None:
        with self._lock:
            self._running[task.id] = (time.monotonic(), "")

    def wrote(self, task: Task, chunk: bytes) -> None:
        if self._is_single:
            super().wrote(task, chunk)
            return
        lines = [line for line in plain(chunk[-4096:]).split("\n") if line.strip()]
        with self._lock:
            since, last = self._running.get(task.id, (time.monotonic(), ""))
            self._running[task.id] = (since, lines[-1] if lines else last)

    def finished(self, result: Result) -> None:
        with self._lock:
            self._running.pop(result.task.id, None)
            self._left -= bool(result.task.command)
            self._clear()
            if self._is_single:
                super().finished(result)
            else:
                self._settled(result)
                self._draw()

    def tick(self) -> None:
        with self._lock:
            self._clear()
            self._draw()

    def say(self, sentence: str) -> None:
        with self._lock:
            self._clear()
            super().say(sentence)
            self._draw()

    def _clear(self) -> None:
        if self._drawn:
            self._write(self._notes, f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        if self._is_single or not self._running:
            return
        size = shutil.get_terminal_size()
        now = time.monotonic()
        lines = [
            f"  {self._names[task_id].ljust(self._width)}  {seconds(now - since):>8}  {last}"[: size.columns - 1]
            for task_id, (since, last) in self._running.items()
        ][: max(1, size.lines - 2)]
        waiting = self._left - len(self._running)
        lines += [f"  {waiting} more to go"] if waiting > 0 else []
        self._write(self._notes, "".join(f"{line}\n" for line in lines))
        self._drawn = len(lines)


class GitHub(Display):
    """In a GitHub job: the output of each task in a group of its own, an annotation for each that failed."""

    def wrote(self, task: Task, chunk: bytes) -> None:
        """Nothing: groups cannot be written side by side."""

    def finished(self, result: Result) -> None:
        with self._lock:
            if result.status == "cached":
                text = plain(self._replay(result.key))
            elif result.output:
                text = tail(result.output, 20_000)
            else:
                text = ""
            if text.strip():
                self._write(self._out, f"::group::{self._line(result)}\n{text.rstrip()}\n::endgroup::\n")
            else:
                self._settled(result)

    def _failure(self, result: Result) -> None:
        super()._failure(result)
        title = f"{result.task.id.name} {result.task.id.project}"
        self._write(self._out, f"::error title={_escaped(title)}::{_escaped(outcome(result))}\n")


def make_display(
    tasks: Sequence[Task], out: TextIO, notes: TextIO, replay: Replay, *, colour: bool, is_verbose: bool
) -> Display:
    """Return what suits where a run is seen: a terminal, a GitHub job, or anything else."""
    is_terminal = notes.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    paint = colour and not os.environ.get("NO_COLOR") and (is_terminal or bool(os.environ.get("FORCE_COLOR")))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        return GitHub(tasks, out, out, replay, colour=paint)  # one stream, or groups and sentences would mix
    kind = Terminal if is_terminal and not is_verbose else Display
    return kind(tasks, out, notes, replay, colour=paint)


def _short(path: str) -> str:
    here = os.path.relpath(path)
    return path if here.startswith("..") else here


def _escaped(text: str) -> str:
    """Return text for a property or message of a workflow command."""
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(character, code)
    return text
