"""Log files: bounded, merged by time, followed over their turn."""

from __future__ import annotations

from pathlib import Path

from decant_tools.run.logfiles import Follower, LogFile, processes_in, read_logs


def fields(second: int, process: str = "a", message: str = "") -> dict[str, object]:
    return {"time": f"2026-11-21T12:00:{second:02}.000Z", "process": process, "message": message or str(second)}


def write(folder: Path, name: str, *seconds: int) -> None:
    log = LogFile(folder / f"{name}.jsonl")
    for second in seconds:
        log.write(fields(second, name))
    log.close()


def test_several_logs_are_merged_by_time(tmp_path: Path) -> None:
    write(tmp_path, "a", 1, 4)
    write(tmp_path, "b", 2, 3)
    assert processes_in(tmp_path) == ["a", "b"]
    assert [line["message"] for line in read_logs(tmp_path, ["a", "b"])] == ["1", "2", "3", "4"]


def test_lines_of_one_process_keep_their_order_whatever_times_they_claim(tmp_path: Path) -> None:
    write(tmp_path, "a", 5, 1, 6)
    assert [line["message"] for line in read_logs(tmp_path, ["a"])] == ["5", "1", "6"]


def test_a_file_is_bounded_and_the_one_before_is_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.jsonl", max_bytes=1000)
    for _ in range(100):
        log.write(fields(1, message="x" * 50))
    log.close()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 1000


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a", 1)
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b'{"time": "2026')
    assert len(list(read_logs(tmp_path, ["a"]))) == 1


def test_what_is_added_is_followed_over_a_turn_and_into_new_logs(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.jsonl", max_bytes=250)
    log.write(fields(1))
    follower = Follower(tmp_path)
    assert follower.added() == []
    for second in (2, 3, 4):
        log.write(fields(second))
    write(tmp_path, "b", 9)
    assert [line["message"] for line in follower.added()] == ["2", "3", "4", "9"]
    log.write(fields(5))
    assert [line["message"] for line in follower.added()] == ["5"]
    log.close()


def test_a_full_disk_loses_lines_and_ends_nothing() -> None:
    log = LogFile(Path("/dev/full"))
    log.write({"process": "cart", "time": "2026-01-01T00:00:00.000Z", "message": "lost"})
    log.close()
