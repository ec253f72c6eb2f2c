from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decant_tools.workspace.tasks.entry import Header
from decant_tools.workspace.tasks.keys import Group, make_key
from decant_tools.workspace.tasks.store import Store

KEY, OTHER = "a" * 64, "b" * 64
reused = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def header(key: str = KEY, **changes: object) -> Header:
    return Header(**{"key": key, "task": "lib:a#test", "made": 1.0, "duration_s": 2.0, **changes})  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def only_file(store: Store) -> Path:
    (found,) = (path for path in (store.folder / "results").rglob("*") if path.is_file())
    return found


def test_a_result_comes_back_as_it_was_kept(store: Store) -> None:
    store.put(header(note="no tests"), b"3 passed\n", lambda file: None)
    found = store.get(KEY)
    assert found is not None
    assert (found.output(), found.header.note, found.header.duration_s) == (b"3 passed\n", "no tests", 2.0)
    assert store.get(OTHER) is None


@reused
@given(st.data())
def test_whatever_byte_is_changed_or_lost_the_result_does_not_count(store: Store, data: st.DataObject) -> None:
    store.put(header(), b"output", lambda file: file.write(b"tar") and None)
    path = only_file(store)
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "add"]))
    flipped = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    path.write_bytes({"flip": flipped, "cut": content[:at], "add": content + b"x"}[change])
    assert store.get(KEY) is None
    assert not path.exists()


def test_a_result_under_the_name_of_another_does_not_count(store: Store) -> None:
    store.put(header(), b"")
    wrong = store.folder / "results" / OTHER[:2] / OTHER[2:]
    wrong.parent.mkdir(parents=True)
    only_file(store).replace(wrong)
    assert store.get(OTHER) is None


def test_a_failure_does_not_count_however_it_got_there(store: Store) -> None:
    with store.writing(KEY) as file:
        from decant_tools.workspace.tasks.entry import write_entry

        write_entry(file, header(exit_code=1), b"", None)
    assert store.get(KEY) is None


def test_a_write_that_fails_half_way_leaves_nothing(store: Store) -> None:
    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.put(header(), b"output", fail)
    assert store.get(KEY) is None
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_a_writer_that_is_killed_leaves_nothing_that_counts_and_its_rest_goes_away(store: Store) -> None:
    code = f"""
import os, sys
from pathlib import Path
from decant_tools.workspace.tasks.entry import Header
from decant_tools.workspace.tasks.store import Store
def die(file):
    file.write(b"x" * 1000); file.flush(); os._exit(9)
Store(Path({str(store.folder)!r})).put(Header({KEY!r}, "t", 1.0, 1.0), b"output", die)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert store.get(KEY) is None
    (rest,) = (path for path in store.folder.rglob("*") if path.is_file())
    os.utime(rest, (1, 1))
    store.prune()
    assert not rest.exists()


def test_many_writers_of_one_key_and_readers_see_whole_results_only(store: Store) -> None:
    seen: list[bytes] = []
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                store.put(header(), b"%d" % number * 5000)
                found = store.get(KEY)
                assert found is not None
                seen.append(found.output())
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert set(seen) <= {b"%d" % number * 5000 for number in range(4)}


def test_what_was_not_used_for_longest_is_deleted_first(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=25_000)
    for number in range(4):
        key = str(number) * 64
        store.put(header(key), os.urandom(8000))
        os.utime(store.folder / "results" / key[:2] / key[2:], (number + 1, number + 1))
    assert store.get("0" * 64) is not None  # used just now
    assert store.prune() == 2
    assert [store.get(str(number) * 64) is not None for number in range(4)] == [True, False, False, True]


def test_nothing_is_deleted_within_the_limit(store: Store) -> None:
    store.put(header(), b"output")
    assert store.prune() == 0
    assert store.get(KEY) is not None


def test_what_a_result_was_made_of_is_remembered(store: Store) -> None:
    group = Group("libs/a", (("libs/a/x.py", "1"),))
    key = make_key([("files libs/a", group.digest), ("env TOKEN", "f" * 64)])
    store.remember("lib:a#test", key, {"files libs/a": group})
    assert store.last("lib:a#test") == {"files libs/a": group.digest, "env TOKEN": "ffff"}
    assert store.files_of(group.digest) == {"libs/a/x.py": "1"}
    assert store.last("lib:b#test") is None
    assert b"f" * 5 not in b"".join(path.read_bytes() for path in store.folder.rglob("last/*"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_memory_is_no_memory(store: Store, content: bytes) -> None:
    store.remember("t", make_key([]), {})
    next((store.folder / "last").iterdir()).write_bytes(content)
    assert store.last("t") is None


def test_a_folder_that_can_only_be_read_still_answers(store: Store) -> None:
    store.put(header(), b"output")
    os.utime(only_file(store), (1, 1))
    for path in (only_file(store).parent, only_file(store)):
        path.chmod(0o555)
    found = store.get(KEY)
    assert found is not None
    assert found.output() == b"output"
