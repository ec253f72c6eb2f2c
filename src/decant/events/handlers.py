"""Handlers: functions of a module that run when another module's event arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeVar

from decant.errors import SetupError
from decant.events.event import Event

F = TypeVar("F", bound=Callable[..., None])
_MARK = "__decant_event__"


def on(kind: type[Event]) -> Callable[[F], F]:
    """Mark a function as the handler of an event.

    It gets the event, and whatever else its parameters ask for by type: the module's Session,
    contracts, the Clock. Its writes through that Session and the note that the event was handled are
    one transaction, which is committed for it: delivered at least once, applied once.

    Raises:
        SetupError: For what is not an event type.

    Example:
        >>> class Posted(Event, type="reviews.posted"):
        ...     stars: int
        >>> @on(Posted)
        ... def count(event: Posted) -> None:
        ...     print(event.stars)
        >>> count(Posted(stars=5))
        5
    """
    if not _is_event(kind):
        raise SetupError(f"@on takes a class derived from Event, not {kind!r}.", hint="Write: @on(OrderPlaced)")

    def mark(function: F) -> F:
        setattr(function, _MARK, kind)
        return function

    return mark


def _is_event(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Event) and bool(kind.event_type)


def event_of(function: Callable[..., Any]) -> type[Event] | None:
    """Return the event that a function handles, or None."""
    kind: type[Event] | None = getattr(function, _MARK, None)
    return kind


def handlers_in(code: ModuleType | None) -> list[Callable[..., None]]:
    """Return the handlers that a Python module defines, in the order of definition; none for None."""
    values: Iterable[Any] = () if code is None else vars(code).values()
    return [value for value in values if callable(value) and event_of(value) and value.__module__ == code.__name__]  # type: ignore[union-attr]
