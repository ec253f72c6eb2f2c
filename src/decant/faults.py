"""Failure switches: a module's own ways to fail, turned on and off while it runs, for people who want to see it.

A module declares its switches in its ``faults.py``, where they are found by name, and asks where one acts::

    slow = Switch("catalog.slow", "The catalogue takes two seconds for each answer.")

    if slow.on:
        time.sleep(2)

What is on stands in one file in ``DECANT_HOME``, which all processes of a workspace share. In production there are no
switches: each is off, and nothing turns one on.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from decant.errors import NotFoundError, SetupError

LOOK_S = 0.5
"""Seconds for which a process takes what it has read for what is on."""
FILE = "faults.json"
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9-]*")


class UnknownSwitch(NotFoundError, code="faults.unknown"):
    """There is no failure switch {name}."""

    name: str


class Switch:
    """One way to fail that can be turned on; off by default.

    Args:
        name: The module's name, a dot, and words of the switch's own, for instance ``payments.declined``.
        sentence: What happens while it is on, for people.

    Raises:
        SetupError: For a name or a sentence that is none.

    Thread-safety: share it freely.
    """

    __slots__ = ("_board", "name", "sentence")

    def __init__(self, name: str, sentence: str) -> None:
        if not _NAME.fullmatch(name):
            raise SetupError(
                f"{name!r} is no name of a failure switch.",
                hint="Take the module's name, a dot, and lower-case words: payments.timeout-captured",
            )
        if not sentence.strip():
            raise SetupError(f"The failure switch {name} has no sentence.", hint="Say what happens while it is on.")
        self.name = name
        self.sentence = sentence
        self._board: Board | None = None

    def __repr__(self) -> str:
        return f"Switch({self.name!r})"

    @property
    def on(self) -> bool:
        """Whether the fault shall happen now. A change made elsewhere is seen within half a second."""
        return self._board is not None and self._board.is_on(self.name)

    def bind(self, board: Board | None) -> None:
        """Say where it stands what is on; None for nowhere, as in production. The last application made counts."""
        self._board = board


@dataclass(frozen=True, slots=True)
class State:
    """How a switch stands.

    Attributes:
        on: Whether its fault happens.
        left_s: Seconds until it turns itself off; None when nobody said.
    """

    name: str
    sentence: str
    on: bool
    left_s: float | None = None


class Board:
    """What is on, in a file that all processes of a workspace share.

    Args:
        home: ``DECANT_HOME``.
        clock: The wall clock, in seconds: time limits are the same for every process.

    Thread-safety: share it freely; processes, too.
    """

    def __init__(self, home: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = home / FILE
        self._clock = clock
        self._look_again = 0.0
        self._seen: tuple[int, int] | None = None
        self._on: Mapping[str, float | None] = {}
        self._changing = threading.Lock()

    def is_on(self, name: str) -> bool:
        if time.monotonic() >= self._look_again:
            self._look()
        if name not in self._on:
            return False
        until = self._on[name]
        return until is None or self._clock() < until

    def read(self) -> dict[str, float | None]:
        """Return what is on now, and in how many seconds each ends: None for never."""
        self._look()
        now = self._clock()
        return {name: None if until is None else until - now for name, until in self._current(now).items()}

    def change(self, on: Mapping[str, float | None], off: Iterable[str] = ()) -> None:
        """Turn switches on, each for some seconds or None for as long as nobody turns it off, and others off.

        Raises:
            SetupError: When the file cannot be written.
        """
        now, gone = self._clock(), set(off)
        try:
            with self._locked():
                self._look()
                kept = {name: until for name, until in self._current(now).items() if name not in gone}
                self._write(kept | {name: None if for_s is None else now + for_s for name, for_s in on.items()})
        except OSError as error:
            raise SetupError(
                f"The failure switches in {self._path} cannot be changed: {error.strerror}.",
                hint="Point DECANT_HOME at a folder that this user may write to.",
            ) from error
        self._look()

    def _current(self, now: float) -> dict[str, float | None]:
        return {name: until for name, until in self._on.items() if until is None or now < until}

    def _look(self) -> None:
        self._look_again = time.monotonic() + LOOK_S
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns)
            if seen != self._seen:
                self._on, self._seen = _parse(self._path.read_bytes()), seen
        except OSError:  # nothing was ever turned on, or not for us to read: nothing fails on purpose then
            self._on, self._seen = {}, None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one change at a time read and write, in this process and among all."""
        with self._changing, self._path.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, on: Mapping[str, float | None]) -> None:
        draft = self._path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(on))
        draft.replace(self._path)


class Faults:
    """All switches of a workspace, as commands and pages show and turn them.

    Args:
        switches: What can be turned on.
        board: What is on; None where nothing may be: in production.
    """

    def __init__(self, switches: Iterable[Switch], board: Board | None) -> None:
        self._switches = {switch.name: switch for switch in switches}
        self._board = board

    @property
    def available(self) -> bool:
        """Whether anything may be turned on."""
        return self._board is not None

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._switches)

    def states(self) -> list[State]:
        """Return how every switch stands, in the order of modules and declarations."""
        on = {} if self._board is None else self._board.read()
        return [State(one.name, one.sentence, one.name in on, on.get(one.name)) for one in self._all()]

    def turned_on(self) -> list[State]:
        """Return the switches that are on, from what this process has read in the last half second."""
        board = self._board
        if board is None:
            return []
        return [State(one.name, one.sentence, on=True) for one in self._all() if board.is_on(one.name)]

    def turn_on(self, names: Iterable[str], for_s: float | None = None) -> None:
        """Turn switches on: all, or none when one of them is unknown.

        Args:
            names: Which.
            for_s: Seconds after which they turn themselves off; None for never.

        Raises:
            UnknownSwitch: For a name that no module of this workspace has declared.
            SetupError: In production, or when the file cannot be written.
        """
        self._writable().change(dict.fromkeys(self._known(names), for_s))

    def turn_off(self, names: Iterable[str] | None = None) -> None:
        """Turn switches off: those named, or all that there are.

        Raises:
            UnknownSwitch: For a name that no module of this workspace has declared.
            SetupError: In production, or when the file cannot be written.
        """
        board = self._writable()
        board.change({}, off=board.read() if names is None else self._known(names))

    def _all(self) -> Iterable[Switch]:
        return self._switches.values()

    def _known(self, names: Iterable[str]) -> list[str]:
        wanted = list(names)
        for name in wanted:
            if name not in self._switches:
                raise UnknownSwitch(name=name)
        return wanted

    def _writable(self) -> Board:
        if self._board is None:
            raise SetupError(
                "There are no failure switches in production.",
                hint="Try failures where nobody is served: unset DECANT_ENV, or name another environment.",
            )
        return self._board


def switches_in(module: str, code: ModuleType | None) -> list[Switch]:
    """Return the switches of a module's ``faults.py``, in their order.

    Raises:
        SetupError: For a switch whose name does not begin with the module's, or two of one name.
    """
    found: dict[str, Switch] = {}
    for switch in vars(code).values() if code is not None else ():
        if not isinstance(switch, Switch):
            continue
        if not switch.name.startswith(f"{module}."):
            raise SetupError(
                f"The failure switch {switch.name} is declared by the module {module}.",
                hint=f"Call it {module}.{switch.name.partition('.')[2]}.",
            )
        if found.setdefault(switch.name, switch) is not switch:
            raise SetupError(f"There are two failure switches {switch.name}.", hint="Call one of them something else.")
    return list(found.values())


def _parse(text: bytes) -> dict[str, float | None]:
    """Return what a file says is on; one that says nothing sensible says nothing."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return (
        {name: until for name, until in data.items() if until is None or isinstance(until, int | float)}
        if isinstance(data, dict)
        else {}
    )
