"""``decant events``: what a person sees of events, and does about them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decant.cli.main import run
from decant.events import EventRunner, Message, Retries
from decant.service import Runtime, create_app, runtime_of

BOOKCLUB = Path(__file__).parents[3] / "examples" / "bookclub"
POSTED = '{"review_id": "r1", "book_id": "emma", "stars": 5}'
Shown = pytest.CaptureFixture[str]


@pytest.fixture
def club(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    for part in ("bookclub", "decant.toml"):
        source = BOOKCLUB / part
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "bookclub"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    runtime = runtime_of(create_app())
    runtime.migrate()
    runtime.seed()
    yield runtime
    runtime.stop(1)


def runner(club: Runtime) -> EventRunner:
    assert club.events is not None
    return club.events


def document(capsys: Shown) -> Any:
    return json.loads(capsys.readouterr().out)


def publish(capsys: Shown) -> str:
    assert run(["events", "publish", "reviews.posted", POSTED, "--json"]) == 0
    return str(document(capsys)["id"])


def parked(club: Runtime, event_id: str = "00000000-0000-7000-8000-000000000001") -> str:
    """Give books a message that nobody can read."""
    runner(club).transport.append([Message(event_id, "reviews.posted", "emma", b"rubbish")])
    runner(club).drain()
    return event_id


def test_what_is_published_waits_in_the_outbox_until_it_is_moved(club: Runtime, capsys: Shown) -> None:
    event_id = publish(capsys)
    assert run(["events", "list", "--json"]) == 0
    (event,) = document(capsys)["events"]
    assert (event["id"], event["state"], event["module"], event["key"]) == (event_id, "pending", "reviews", "emma")
    assert event["event"]["data"]["stars"] == 5
    runner(club).drain()
    assert run(["events", "list", "--json"]) == 0
    assert document(capsys) == {"schema": 1, "events": []}
    assert run(["events", "list", "--state", "delivered", "--json"]) == 0
    assert [one["id"] for one in document(capsys)["events"]] == [event_id]


def test_nothing_to_list_is_said(club: Runtime, capsys: Shown) -> None:
    assert run(["events", "list", "--state", "parked"]) == 0
    assert capsys.readouterr().out == "No event is parked.\n"


def test_a_parked_event_is_shown_with_its_cause(club: Runtime, capsys: Shown) -> None:
    event_id = parked(club)
    assert run(["events", "show", event_id[:30]]) == 0
    out = capsys.readouterr().out
    assert "parked" in out
    assert "The message is not JSON" in out
    assert "Traceback" in out
    assert f"decant events retry {event_id}" in out


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--type", "reviews.posted"], 1),
        (["--type", "other.type"], 0),
        (["--key", "emma"], 1),
        (["--module", "books"], 1),
        (["--module", "reviews"], 0),
    ],
)
def test_lists_are_narrowed(club: Runtime, capsys: Shown, options: list[str], count: int) -> None:
    parked(club)
    assert run(["events", "list", *options, "--json"]) == 0
    assert len(document(capsys)["events"]) == count


def test_a_parked_event_is_put_back_and_tried_again(club: Runtime, capsys: Shown) -> None:
    event_id = parked(club)
    assert run(["events", "retry", event_id]) == 0
    assert capsys.readouterr().out.startswith("1 put back")
    (waiting,) = Retries(club.databases["books"]).letters()
    assert (waiting.state, waiting.attempts) == ("waiting", 0)


def test_all_parked_events_are_dropped_when_asked_twice(club: Runtime, capsys: Shown) -> None:
    parked(club)
    assert run(["events", "drop", "--all", "--yes", "--json"]) == 0
    assert document(capsys)["count"] == 1
    assert Retries(club.databases["books"]).letters() == []


def test_the_tail_shows_what_was_delivered(club: Runtime, capsys: Shown) -> None:
    publish(capsys)
    runner(club).drain()
    assert run(["events", "tail"]) == 0
    line = capsys.readouterr().out
    assert "reviews.posted  emma" in line
    assert '"stars": 5' in line


def test_the_lag_counts_by_module(club: Runtime, capsys: Shown) -> None:
    publish(capsys)
    parked(club)
    publish(capsys)
    assert run(["events", "lag", "--json"]) == 0
    found = {one["module"]: one for one in document(capsys)["modules"]}
    assert found["reviews"]["pending"] == 1
    assert (found["books"]["parked"], found["books"]["behind"]) == (1, 0)
    assert run(["events", "lag"]) == 0
    assert "BEHIND" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["show", "none"], 4, "There is no event none"),
        (["retry", "none"], 4, "There is no event none"),
        (["retry"], 2, "Name events, or --all"),
        (["drop"], 2, "Name events, or --all"),
        (["list", "--module", "none"], 4, "No module with a database is called none"),
        (["list", "--state", "none"], 2, "none"),
        (["publish", "no.such", "{}"], 4, "No module declares the event no.such"),
        (["publish", "reviews.posted", '{"stars": "many"}'], 2, "stars: Input should be a valid integer"),
        (["publish", "reviews.posted", "rubbish"], 2, "JSON: Invalid JSON"),
    ],
)
def test_mistakes_are_told(club: Runtime, capsys: Shown, args: list[str], code: int, said: str) -> None:
    assert run(["events", *args]) == code
    assert said in capsys.readouterr().err


def test_an_event_that_is_not_parked_is_not_retried(club: Runtime, capsys: Shown) -> None:
    event_id = publish(capsys)
    assert run(["events", "retry", event_id]) == 4
    assert "is pending, not parked" in capsys.readouterr().err
