import pytest

from decant.errors import SetupError
from decant.events import Event, event_of, handlers_in, on
from tests.unit.events import club, test_envelope
from tests.unit.events.club import ReviewPosted, count


def test_a_marked_function_stays_a_function_and_knows_its_event() -> None:
    assert event_of(count) is ReviewPosted
    assert count.__name__ == "count"


@pytest.mark.parametrize("wrong", [Event, str, "reviews.posted", None])
def test_only_events_can_be_handled(wrong: object) -> None:
    with pytest.raises(SetupError, match="a class derived from Event"):
        on(wrong)  # type: ignore[arg-type]


def test_the_handlers_of_a_file_are_found() -> None:
    assert handlers_in(club) == [count]


def test_a_file_without_handlers_has_none() -> None:
    assert handlers_in(test_envelope) == []
    assert handlers_in(None) == []
