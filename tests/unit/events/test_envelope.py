import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.context import CallContext
from decant.events import Envelope, Event, UnreadableEvent, decode, encode
from tests.unit.events.club import ReviewPosted


class Stamped(Event, type="clock.stamped", version=3):
    at: datetime
    note: str = ""


def test_the_envelope_is_a_cloudevent() -> None:
    context = CallContext(trace_id="a" * 32, span_id="b" * 16)
    document = json.loads(encode(ReviewPosted(book_id="emma", stars=4), "id-1", "reviews", context))
    assert datetime.fromisoformat(document.pop("time")).tzinfo is not None
    assert document == {
        "specversion": "1.0",
        "id": "id-1",
        "source": "/reviews",
        "type": "reviews.posted",
        "datacontenttype": "application/json",
        "schemaversion": 1,
        "subject": "emma",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        "data": {"book_id": "emma", "stars": 4},
    }


@given(at=st.datetimes(), note=st.text())
def test_what_goes_in_comes_out(at: datetime, note: str) -> None:
    event = Stamped(at=at, note=note)
    envelope = decode(encode(event, "id-1", "clock", CallContext()))
    assert envelope.read_as(Stamped) == event
    assert (envelope.version, envelope.traceparent) == (3, "")


def test_fields_of_a_newer_publisher_are_ignored() -> None:
    payload = json.loads(encode(ReviewPosted(book_id="emma"), "id-1", "reviews", CallContext()))
    payload["data"]["mood"] = "happy"
    assert decode(json.dumps(payload).encode()).read_as(ReviewPosted) == ReviewPosted(book_id="emma")


def test_data_that_does_not_fit_names_the_field() -> None:
    payload = json.loads(encode(ReviewPosted(book_id="emma"), "id-1", "reviews", CallContext()))
    payload["data"] = {"stars": "many"}
    with pytest.raises(UnreadableEvent, match=r"book_id: Field required; stars"):
        decode(json.dumps(payload).encode()).read_as(ReviewPosted)


@given(
    st.binary() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_rubbish_is_unreadable_and_nothing_worse(payload: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        decode(payload)


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_unreadable(name: str) -> None:
    payload = json.loads(encode(ReviewPosted(book_id="emma"), "id-1", "reviews", CallContext()))
    del payload[name]
    with pytest.raises(UnreadableEvent):
        decode(json.dumps(payload).encode())


class Renamed(Event, type="clock.renamed", version=2):
    name: str

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        return {"name": data["title"]}


class NeverUpgraded(Event, type="clock.renamed", version=2):
    name: str


def published(version: int, **data: object) -> Envelope:
    document = {"specversion": "1.0", "id": "1", "source": "/clock", "type": "clock.renamed", "data": data}
    return decode(json.dumps({**document, "schemaversion": version}).encode())


def test_a_newer_class_reads_an_older_version() -> None:
    assert published(1, title="Emma").read_as(Renamed) == Renamed(name="Emma")


def test_its_own_version_is_not_upgraded() -> None:
    assert published(2, name="Emma").read_as(Renamed) == Renamed(name="Emma")


def test_an_older_version_that_does_not_fit_says_what_to_define() -> None:
    with pytest.raises(UnreadableEvent, match=r"published as version 1, .*: define NeverUpgraded.upgrade\(\)"):
        published(1, title="Emma").read_as(NeverUpgraded)


def test_an_upgrade_that_fails_is_named() -> None:
    with pytest.raises(UnreadableEvent, match=r"Renamed.upgrade\(\) cannot read version 1 .*KeyError: 'title'"):
        published(1, other="Emma").read_as(Renamed)


def test_a_newer_version_that_fits_is_read_and_one_that_does_not_says_so() -> None:
    assert published(3, name="Emma", more=1).read_as(Renamed) == Renamed(name="Emma")
    with pytest.raises(UnreadableEvent, match=r"published as version 3, this service knows 2"):
        published(3, other="Emma").read_as(Renamed)
