"""How a call's scope ends when the call fails."""

from collections.abc import Callable

import pytest

from decant.errors import Unavailable
from decant.wiring import Registry, Scope


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


def test_what_is_deferred_is_made_when_the_first_target_that_asks_for_it_is_wired() -> None:
    made = []

    def prepare() -> Callable[[Scope], str]:
        made.append("once")
        return lambda scope: "value"

    parent = Registry()
    parent.add_deferred(str, prepare)
    child = Registry(parent)
    assert child.provides(str)
    assert made == []
    for registry in (child, parent, child):
        assert registry.compile(takes_a_text)(registry.open()) == "value"
    assert made == ["once"]


def takes_a_text(text: str) -> str:
    return text
