from pathlib import Path

import pytest

from decant.errors import SetupError
from decant.events import EmbeddedTransport, transport_for
from decant.events.worker import ProcessLock


def test_without_a_url_it_is_the_log_in_the_home(tmp_path: Path) -> None:
    transport = transport_for(None, tmp_path)
    assert isinstance(transport, EmbeddedTransport)
    assert transport.path == tmp_path / "events.sqlite3"


def test_a_url_names_the_logs_file(tmp_path: Path) -> None:
    transport = transport_for(f"sqlite:///{tmp_path}/log.sqlite3", Path("home"))
    assert isinstance(transport, EmbeddedTransport)
    assert transport.path == tmp_path / "log.sqlite3"


@pytest.mark.parametrize("url", ["amqp://guest:secret@127.0.0.1", "mqtt://x", "rubbish"])
def test_an_unknown_kind_is_refused_without_telling_its_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="EVENTS_URL: there is no transport for") as refused:
        transport_for(url, tmp_path)
    assert "secret" not in str(refused.value)


def test_a_url_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="names no file"):
        transport_for("sqlite://", tmp_path)


def test_a_lock_tells_whether_its_last_holder_gave_it_back(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "a.lock")
    assert lock.acquire()
    assert not lock.after_a_death
    assert not ProcessLock(tmp_path / "a.lock").acquire()
    lock.release()
    second = ProcessLock(tmp_path / "a.lock")
    assert second.acquire()
    assert not second.after_a_death
    import os

    os.close(second._handle or 0)  # as the kernel does for a process that died
    third = ProcessLock(tmp_path / "a.lock")
    assert third.acquire()
    assert third.after_a_death
    third.release()
