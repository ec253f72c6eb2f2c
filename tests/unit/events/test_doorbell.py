import os
import threading
from pathlib import Path

from decant.events.doorbell import Doorbell, bell_folder, ring


def test_a_ring_is_heard_by_the_others_and_not_by_oneself(home: Path) -> None:
    heard, own = threading.Event(), threading.Event()
    here, there = Doorbell(home, own.set), Doorbell(home, heard.set)
    here.start()
    there.start()
    here.ring()
    assert heard.wait(5)
    assert not own.is_set()
    here.stop()
    there.stop()


def test_a_dead_bell_is_taken_down(home: Path) -> None:
    living, dead = Doorbell(home, lambda: None), Doorbell(home, lambda: None)
    living.start()
    dead.start()
    path = dead._path
    dead._socket.shutdown(2)
    dead._thread.join()
    dead._socket.close()  # as a killed process leaves it
    assert path.exists()
    living.ring()
    assert not path.exists()
    living.stop()


def test_ringing_never_fails(home: Path) -> None:
    bell = Doorbell(home, lambda: None)
    bell.ring()
    bell._socket.close()


def test_a_home_with_a_long_name_gets_its_bells_elsewhere(tmp_path: Path) -> None:
    folder = bell_folder(tmp_path / ("x" * 120))
    assert len(os.fsencode(folder)) < 90
    assert folder == bell_folder(tmp_path / ("x" * 120))


def test_a_command_without_a_bell_rings_everybody(home: Path) -> None:
    heard = threading.Event()
    bell = Doorbell(home, heard.set)
    bell.start()
    ring(home)
    assert heard.wait(5)
    bell.stop()
    ring(home / "nowhere")
