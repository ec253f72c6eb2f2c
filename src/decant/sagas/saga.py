"""How a saga is written: a class with steps, and beside each step what takes it back.

Source: Garcia-Molina and Salem, "Sagas" (1987); Richardson, Microservices Patterns, chapter 4, for compensatable,
pivot and retriable steps.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar, overload

from pydantic import BaseModel

from decant.errors import SetupError
from decant.sagas.instance import Failure

D = TypeVar("D", bound=BaseModel)
Method = Callable[[Any, Any], None]
"""An action or a compensation: gets the saga's data, and may change it."""

Query = Callable[[Any, Any], bool]
"""Tells whether an action whose outcome is unknown took effect."""

F = TypeVar("F", bound=Method)
Q = TypeVar("Q", bound=Query)
E = TypeVar("E", bound=Callable[[Any, Any, Failure], None])

STEP_DEADLINE_S = 60.0
NAME_LENGTH = 100
_COMPENSATED = "__decant_compensated__"


class Step:
    """One step of a saga; made with :func:`step`.

    Attributes:
        name: As it is shown: the action's name with hyphens.
        deadline_s: Seconds from the first try after which it is not tried again.
        pivot: Whether the saga only goes forward once this step is done.
        action: The method that does it.
        undo: The method that takes it back, or None.
        query: The method that tells whether it was done, or None.
    """

    def __init__(self, action: Method, deadline_s: float, pivot: bool) -> None:
        self.action = action
        self.deadline_s = deadline_s
        self.pivot = pivot
        self.name = _shown(action)
        self.undo: Method | None = None
        self.query: Query | None = None

    def compensation(self, function: F) -> F:
        """Mark the method that takes this step back.

        It may run though the step never did, when that is unknown, and more than once: what it calls must
        stand both, and must keep an action that arrives late from having an effect.
        """
        if self.undo is not None:
            raise SetupError(f"The step {self.name} has two compensations: {self.undo.__name__}, {function.__name__}.")
        self.undo = function
        return function

    def unknown(self, function: Q) -> Q:
        """Mark the method that is asked whether the step was done, where its outcome is unknown, before a retry.

        It returns True when the step took effect, and sets in the data what the step would have set; False when it
        did not, which a ``NotFoundError`` says too. Any other declared error of the callee means that the step failed.
        """
        if self.query is not None:
            raise SetupError(f"The step {self.name} has two queries: {self.query.__name__}, {function.__name__}.")
        self.query = function
        return function

    def __get__(self, saga: object, owner: type | None = None) -> Any:
        return self if saga is None else self.action.__get__(saga, owner)


@overload
def step(action: Method, /) -> Step: ...


@overload
def step(*, deadline_s: float = ..., pivot: bool = ...) -> Callable[[Method], Step]: ...


def step(
    action: Method | None = None, /, *, deadline_s: float = STEP_DEADLINE_S, pivot: bool = False
) -> Step | Callable[[Method], Step]:
    """Mark a method of a saga as a step. Steps run in the order in which they are written.

    What a step writes through the module's Session is committed together with the note that it is done. Contract
    calls come before those writes, and carry the key ``<saga id>:<step>``. Call one operation per step: a step that
    failed is taken to have done nothing.

    Args:
        action: The method.
        deadline_s: Seconds from the first try after which it is not tried again: the saga is compensated,
            or parked beyond its pivot.
        pivot: Once this step is done the saga only goes forward: no deadline and no error takes it back.
    """
    if deadline_s <= 0:
        raise SetupError(f"deadline_s={deadline_s} is no time at all.", hint="Give seconds, more than 0.")
    if action is not None:
        return Step(action, deadline_s, pivot)
    return lambda function: Step(function, deadline_s, pivot)


def compensated(function: E) -> E:
    """Mark the method that runs last when a saga was compensated; it gets the data and the failure.

    Its writes are committed together with the saga's end.
    """
    setattr(function, _COMPENSATED, True)
    return function


class Saga(Generic[D]):
    """The base of a module's sagas, which live in its ``sagas.py``.

    The constructor asks for what the steps need, as that of a service does. An instance lives for one step; what
    has to last is in the data, a pydantic model that is kept with the saga.

    Args:
        name: The stable name in the database; by default the class's.
        key: The field of the data by which people look for a saga.
        deadline_s: Seconds from the start after which no further step begins and the saga is compensated,
            unless its pivot is done; None for ever.
        compensation_deadline_s: Seconds during which a failing compensation is tried again before the saga is parked.

    Raises:
        SetupError: At declaration, for a saga without steps or data, or two of one name.

    Example:
        >>> class Parcel(BaseModel):
        ...     parcel_id: str
        >>> class Delivery(Saga[Parcel], key="parcel_id", deadline_s=3600):
        ...     @step(deadline_s=30)
        ...     def load(self, parcel: Parcel) -> None: ...
        ...     @load.compensation
        ...     def unload(self, parcel: Parcel) -> None: ...
        >>> Delivery.saga_name, list(Delivery.steps)
        ('delivery', ['load'])
    """

    saga_name: ClassVar[str]
    saga_key: ClassVar[str | None]
    saga_deadline_s: ClassVar[float | None]
    saga_compensation_deadline_s: ClassVar[float]
    data_type: ClassVar[type[BaseModel]]
    steps: ClassVar[Mapping[str, Step]]
    last: ClassVar[Callable[[Any, Any, Failure], None] | None]

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        key: str | None = None,
        deadline_s: float | None = None,
        compensation_deadline_s: float = 600.0,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.saga_name = name or _shown(cls)
        cls.saga_key = key
        cls.saga_deadline_s = deadline_s
        cls.saga_compensation_deadline_s = compensation_deadline_s
        cls.data_type = _data_type(cls)
        cls.steps = MappingProxyType(_steps(cls))
        cls.last = _last(cls)
        if key is not None and key not in cls.data_type.model_fields:
            raise SetupError(f"{cls.__name__}: the key {key!r} is no field of {cls.data_type.__name__}.")

    @classmethod
    def module(cls) -> str:
        """Return the module that the class is in: ``orders`` for ``shop.orders.sagas``."""
        parts = cls.__module__.split(".")
        return parts[-2] if parts[-1] == "sagas" and len(parts) > 1 else parts[-1]


def _shown(named: Any) -> str:
    name = typing.cast("str", named.__name__)
    words = "".join(f"_{letter}" if letter.isupper() and at else letter for at, letter in enumerate(name))
    return words.lower().strip("_").replace("_", "-")


def _data_type(cls: type[Saga[Any]]) -> type[BaseModel]:
    for base in getattr(cls, "__orig_bases__", ()):
        arguments = typing.get_args(base)
        if typing.get_origin(base) is Saga and arguments:
            kind = arguments[0]
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                return kind
    inherited: type[BaseModel] | None = getattr(cls, "data_type", None)
    if inherited is None:
        raise SetupError(
            f"{cls.__name__} does not say what data it keeps.",
            hint=f"Name a pydantic model that is defined above it: class {cls.__name__}(Saga[TheData])",
        )
    return inherited


def _steps(cls: type[Saga[Any]]) -> dict[str, Step]:
    steps = {
        value.name: value for kind in reversed(cls.__mro__) for value in vars(kind).values() if isinstance(value, Step)
    }
    if not steps:
        raise SetupError(f"{cls.__name__} has no steps.", hint="Mark methods of it with @step.")
    for found in steps.values():
        for method in (found.action, found.undo, found.query):
            if inspect.iscoroutinefunction(method):
                raise SetupError(f"{cls.__name__}.{method.__name__} is async; steps run in threads.")
    taken = [name for one in steps.values() for name in (one.name, one.undo and _shown(one.undo)) if name]
    twice = sorted({name for name in taken if taken.count(name) > 1 or len(name) > NAME_LENGTH})
    if twice:
        raise SetupError(f"{cls.__name__}: {', '.join(twice)} is there twice, or too long.")
    return steps


def _last(cls: type[Saga[Any]]) -> Callable[[Any, Any, Failure], None] | None:
    for kind in cls.__mro__:
        for value in vars(kind).values():
            if getattr(value, _COMPENSATED, False):
                return typing.cast("Callable[[Any, Any, Failure], None]", value)
    return None


def shown(method: Callable[..., Any]) -> str:
    """Return a method's name as it is shown, for instance ``clear-cart``."""
    return _shown(method)
