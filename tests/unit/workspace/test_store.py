"""The cache on disk: whole entries or none, and never any code."""

from __future__ import annotations

import marshal
import os
import pickle
from pathlib import Path
from typing import NamedTuple

import pytest

from decant_tools.workspace.store import KEPT, Codec, Store

VALUE = {"a": (1, "ü\udce9", b"\0", None, True, 1.5), "b": [(), {}]}


class Point(NamedTuple):
    x: int
    y: object


class Line(NamedTuple):
    points: tuple[Point, ...]


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    Store(tmp_path).save("graph-1", VALUE)
    assert Store(tmp_path).load("graph-1") == VALUE
    assert Store(tmp_path).load("graph-2") is None


def test_git_ignores_it_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    Store(tmp_path).save("graph-1", VALUE)
    assert (tmp_path / ".decant/.gitignore").read_text() == "*\n"
    assert (tmp_path / ".decant/workspace").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("home", ["other", "{root}/absolute"])
def test_it_lies_where_decant_home_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    home = home.format(root=tmp_path)
    monkeypatch.setenv("DECANT_HOME", home)
    Store(tmp_path / "ws").save("graph-1", VALUE)
    assert (tmp_path / "ws" / home / "workspace/graph-1").is_file()


def test_a_broken_entry_is_as_good_as_none_wherever_it_breaks(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save("graph-1", VALUE)
    path = tmp_path / ".decant/workspace/graph-1"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.load("graph-1") is None
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        assert store.load("graph-1") is None
    path.write_bytes(marshal.dumps(VALUE))
    assert store.load("graph-1") is None


def test_no_entry_can_execute_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> object:
            return os.mkdir, (str(tmp_path / "executed"),)

    store = Store(tmp_path)
    store.save("graph-1", VALUE)
    (tmp_path / ".decant/workspace/graph-1").write_bytes(pickle.dumps(Evil()))
    assert store.load("graph-1") is None
    assert not (tmp_path / "executed").exists()


def test_a_place_that_cannot_be_written_to_is_no_cache_and_no_error(tmp_path: Path) -> None:
    (tmp_path / ".decant").write_text("a file")
    store = Store(tmp_path)
    store.save("graph-1", VALUE)
    assert store.load("graph-1") is None


def test_only_the_newest_entries_of_a_kind_are_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save("facts-1", VALUE)
    for number in range(KEPT + 3):
        store.save(f"graph-{number}", number)
        os.utime(tmp_path / f".decant/workspace/graph-{number}", (number, number))
    store.save("graph-new", 1)
    names = {path.name for path in (tmp_path / ".decant/workspace").iterdir()}
    assert len(names) == KEPT + 1
    assert {"facts-1", "graph-new", f"graph-{KEPT + 2}"} <= names
    assert "graph-3" not in names


def test_named_tuples_survive_however_they_are_nested() -> None:
    codec = Codec((Point, Line))
    value = (Line((Point(1, {"a": Point(2, ())}), Point(3, None))), {"x": (Line(()),)})
    plain = marshal.loads(marshal.dumps(codec.plain(value)))
    assert codec.value(plain) == value
    assert type(codec.value(plain)[0].points[0]) is Point


def test_what_cannot_be_stored_is_said() -> None:
    with pytest.raises(TypeError, match="set cannot be stored"):
        Codec(()).plain(({1},))
