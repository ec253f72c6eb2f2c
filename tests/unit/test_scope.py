"""How a call's scope ends when the call fails."""

import pytest

from decant.errors import Unavailable
from decant.wiring import Registry


def typed(error: BaseException) -> Unavailable | None:
    return Unavailable("typed") if isinstance(error, OSError) else None


def test_a_failure_is_raised_as_the_typed_error_that_a_registry_knows() -> None:
    registry = Registry()
    registry.add_translator(typed)
    with pytest.raises(Unavailable, match="typed") as caught, registry.open():
        raise OSError("raw")
    assert isinstance(caught.value.__cause__, OSError)


def test_a_registry_asks_its_parent() -> None:
    parent = Registry()
    parent.add_translator(typed)
    assert isinstance(Registry(parent).translate(OSError()), Unavailable)


def test_an_error_that_nobody_translates_stays_itself() -> None:
    registry = Registry()
    registry.add_translator(typed)
    error = LookupError("mine")
    assert registry.open().fail(error) is error


def test_a_failing_roll_back_does_not_hide_the_first_error() -> None:
    registry = Registry()

    def close(_value: object, succeeded: bool) -> None:
        raise ConnectionError("lost")

    registry.add_factory(str, lambda scope: "value", close=close)
    scope = registry.open()
    scope.get(str)
    with pytest.raises(LookupError) as caught, scope:
        raise LookupError("first")
    assert caught.value.__notes__ == ["Rolling back failed, too: ConnectionError."]
