"""Failure switches: what is on, for whom, and for how long."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from decant import create_app
from decant.errors import SetupError
from decant.faults import FILE, LOOK_S, Board, Faults, Switch, UnknownSwitch, switches_in
from decant.service import runtime_of
from tests.support.waiting import wait_until

SENTENCE = "Each answer takes two seconds."


class Wall:
    """A wall clock that tests set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def board(tmp_path: Path, wall: Wall) -> Board:
    return Board(tmp_path, wall)


@pytest.fixture
def slow(board: Board) -> Switch:
    return bound("catalog.slow", board)


@pytest.fixture
def down(board: Board) -> Switch:
    return bound("catalog.down", board)


@pytest.fixture
def faults(board: Board, slow: Switch, down: Switch) -> Faults:
    return Faults([slow, down], board)


def bound(name: str, board: Board) -> Switch:
    switch = Switch(name, SENTENCE)
    switch.bind(board)
    return switch


def on(faults: Faults) -> list[str]:
    return [state.name for state in faults.states() if state.on]


def test_a_switch_is_off_until_somebody_turns_it_on(faults: Faults, slow: Switch) -> None:
    assert not slow.on
    faults.turn_on(["catalog.slow"])
    assert slow.on
    faults.turn_off(["catalog.slow"])
    assert not slow.on


def test_asking_writes_nothing(faults: Faults, slow: Switch, tmp_path: Path) -> None:
    assert not slow.on
    assert on(faults) == []
    assert list(tmp_path.iterdir()) == []


def test_a_switch_that_no_application_knows_is_off() -> None:
    assert not Switch("catalog.slow", SENTENCE).on


def test_the_others_stay_as_they_are(faults: Faults) -> None:
    faults.turn_on(["catalog.slow"])
    faults.turn_on(["catalog.down"])
    assert on(faults) == ["catalog.slow", "catalog.down"]
    faults.turn_off(["catalog.slow"])
    assert on(faults) == ["catalog.down"]


def test_everything_is_turned_off_at_once(faults: Faults) -> None:
    faults.turn_on(["catalog.slow", "catalog.down"])
    faults.turn_off()
    assert on(faults) == []


def test_a_switch_turns_itself_off_when_its_time_is_up(faults: Faults, slow: Switch, wall: Wall) -> None:
    faults.turn_on(["catalog.slow"], for_s=30)
    wall.now += 29
    assert slow.on
    assert faults.states()[0].left_s == pytest.approx(1)
    wall.now += 1
    assert not slow.on
    assert on(faults) == []


def test_turning_one_on_again_changes_its_time(faults: Faults, slow: Switch, wall: Wall) -> None:
    faults.turn_on(["catalog.slow"], for_s=30)
    faults.turn_on(["catalog.slow"])
    wall.now += 1_000_000
    assert slow.on


def test_an_unknown_name_changes_nothing(faults: Faults) -> None:
    with pytest.raises(UnknownSwitch, match=r"There is no failure switch catalog\.slwo"):
        faults.turn_on(["catalog.slow", "catalog.slwo"])
    assert on(faults) == []


def test_a_change_in_another_process_is_seen_without_a_restart(faults: Faults, slow: Switch, tmp_path: Path) -> None:
    assert not slow.on
    other = "import sys, pathlib; from decant.faults import Board; Board(pathlib.Path(sys.argv[1])).change({'catalog.slow': None})"
    subprocess.run([sys.executable, "-c", other, tmp_path], check=True)
    wait_until(lambda: slow.on, within_s=10 * LOOK_S, what="the other process's change")


def test_the_file_is_read_twice_a_second_at_most(slow: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, seconds = [], [0.0]
    monkeypatch.setattr("decant.faults.time.monotonic", lambda: seconds[0])
    look = Board._look
    monkeypatch.setattr(Board, "_look", lambda board: (looks.append(seconds[0]), look(board))[1])
    for _ in range(100):
        assert not slow.on
        seconds[0] += 0.0625
    assert len(looks) == 13


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    names = [f"catalog.s{number}" for number in range(8)]
    boards = [Board(tmp_path) for _ in names]
    threads = [
        threading.Thread(target=board.change, args=({name: None},)) for board, name in zip(boards, names, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Board(tmp_path).read()) == names


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"catalog.slow": "soon"}'])
def test_a_file_that_says_nothing_sensible_turns_nothing_on_and_can_be_changed(
    faults: Faults, slow: Switch, tmp_path: Path, text: str
) -> None:
    (tmp_path / FILE).write_text(text)
    assert not slow.on
    faults.turn_on(["catalog.slow"])
    assert slow.on


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"gone/faults\.json cannot be changed: No such file or directory"):
        Board(tmp_path / "gone").change({"catalog.slow": None})


def test_in_production_nothing_is_on_and_nothing_can_be_turned_on(slow: Switch, faults: Faults) -> None:
    faults.turn_on(["catalog.slow"])
    slow.bind(None)
    production = Faults([slow], None)
    assert not slow.on
    assert (on(production), production.turned_on(), production.available) == ([], [], False)
    with pytest.raises(SetupError, match="no failure switches in production"):
        production.turn_on(["catalog.slow"])
    with pytest.raises(SetupError, match="no failure switches in production"):
        production.turn_off()


@pytest.mark.parametrize("name", ["slow", "catalog.", ".slow", "Catalog.slow", "catalog.Slow", "catalog slow", "a.b.c"])
def test_a_name_is_the_modules_a_dot_and_words(name: str) -> None:
    with pytest.raises(SetupError, match="is no name of a failure switch"):
        Switch(name, SENTENCE)


def test_a_switch_says_what_happens() -> None:
    with pytest.raises(SetupError, match="has no sentence"):
        Switch("catalog.slow", " ")


def test_switches_are_found_in_their_order_and_once_each() -> None:
    code = ModuleType("faults")
    code.slow, code.other, code.again = Switch("catalog.slow", "A."), Switch("catalog.a", "B."), None  # type: ignore[attr-defined]
    code.again = code.slow  # type: ignore[attr-defined]
    assert [switch.name for switch in switches_in("catalog", code)] == ["catalog.slow", "catalog.a"]
    assert switches_in("catalog", None) == []


def test_a_switch_of_another_module_is_refused() -> None:
    code = ModuleType("faults")
    code.slow = Switch("orders.slow", SENTENCE)  # type: ignore[attr-defined]
    with pytest.raises(SetupError, match=r"orders\.slow is declared by the module catalog"):
        switches_in("catalog", code)


def test_two_switches_of_one_name_are_refused() -> None:
    code = ModuleType("faults")
    code.one, code.two = Switch("catalog.slow", "A."), Switch("catalog.slow", "B.")  # type: ignore[attr-defined]
    with pytest.raises(SetupError, match=r"two failure switches catalog\.slow"):
        switches_in("catalog", code)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = f"faulty_{tmp_path.name}"
    folder = tmp_path / package / "catalog"
    folder.mkdir(parents=True)
    (tmp_path / "decant.toml").write_text(f'[workspace]\nname = "shop"\nmodules = "{package}"\n')
    (tmp_path / package / "__init__.py").touch()
    (folder / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    (folder / "faults.py").write_text(
        f'from decant.faults import Switch\n\nslow = Switch("catalog.slow", "{SENTENCE}")\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_an_application_finds_its_modules_switches(workspace: Path) -> None:
    runtime = runtime_of(create_app(config=workspace / "decant.toml", environ={}))
    (switch,) = switches_in("catalog", runtime.modules[0].submodule("faults"))
    runtime.faults.turn_on(["catalog.slow"])
    assert switch.on
    assert [state.sentence for state in runtime.faults.turned_on()] == [SENTENCE]
    production = runtime_of(create_app(config=workspace / "decant.toml", environ={"DECANT_ENV": "production"}))
    assert not switch.on
    assert not production.faults.available
