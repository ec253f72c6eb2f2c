import pytest
from pydantic import ValidationError

from decant.errors import SetupError
from decant.events import Event
from tests.unit.events.club import ReviewPosted


def test_an_event_knows_its_type_key_and_version() -> None:
    assert (ReviewPosted.event_type, ReviewPosted.event_key, ReviewPosted.event_version) == (
        "reviews.posted",
        "book_id",
        1,
    )
    assert ReviewPosted(book_id="emma").key_value() == "emma"


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        ReviewPosted(book_id="emma").book_id = "other"  # type: ignore[misc]


@pytest.mark.parametrize("type_", ["", "posted", "Reviews.Posted", "reviews.", "reviews posted", "a." + "b" * 300])
def test_a_type_that_is_not_dotted_lower_case_is_refused(type_: str) -> None:
    with pytest.raises(SetupError, match="is not an event type"):

        class Bad(Event, type=type_):
            pass


def test_a_key_that_is_no_field_is_refused() -> None:
    with pytest.raises(SetupError, match="the key 'bok_id' is not one of its fields"):

        class Bad(Event, type="reviews.bad", key="bok_id"):
            book_id: str


def test_an_event_without_key_is_in_no_order() -> None:
    class Tick(Event, type="clock.ticked"):
        pass

    assert Tick().key_value() == ""
