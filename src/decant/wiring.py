"""Constructor injection: what a service class or a view asks for, by the types of its parameters.

Two lifetimes, kept apart: a :class:`Registry` lives as long as the application, a :class:`Scope` as
long as one call. A target's parameters are looked at once, when it is wired; making one afterwards
is a plain call with plain arguments (a general container costs 8 µs there, this 0.3).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from decant.errors import SetupError

T = TypeVar("T")
DECLARATION = "__decant_operation__"
"""The attribute of a function that carries what its decorator (``@get``, ``@operation``) says."""

Factory = Callable[["Scope"], Any]
"""Makes a value for one call."""

Close = Callable[[Any, bool], None]
"""Ends a value's use: called with the value and whether the call succeeded."""

Translate = Callable[[BaseException], BaseException | None]
"""Returns the error that callers should see for a library's own, or None where it has nothing to say."""


class Injector(Protocol):
    """What the typed views need of a registry: which types are injected, and how to get them."""

    def provides(self, kind: Any) -> bool:
        """Return whether parameters annotated with ``kind`` are injected."""
        ...

    def getter(self, kind: Any) -> Factory:
        """Return the function that fetches a ``kind`` from a scope."""
        ...

    def open(self) -> Scope:
        """Return a new scope."""
        ...


class Registry:
    """The types that can be injected, and how each is made.

    Args:
        parent: Asked for what is not registered here.
    """

    __slots__ = ("_deferred", "_getters", "_parent", "_translators")

    def __init__(self, parent: Registry | None = None) -> None:
        self._getters: dict[Any, Factory] = {}
        self._deferred: dict[Any, Callable[[], Factory]] = {}
        self._parent = parent
        self._translators: list[Translate] = []

    def add_value(self, kind: type[T], value: T) -> None:
        """Register one object that lives as long as the application."""
        self._getters[kind] = lambda scope: value

    def add_factory(self, kind: Any, make: Factory, *, close: Close | None = None) -> None:
        """Register a value that is made at most once per call, when it is first asked for.

        Args:
            kind: The type that parameters are annotated with.
            make: Makes the value; gets the scope.
            close: Called when the scope ends, last made first, with the value and whether the call succeeded.
        """

        def get(scope: Scope) -> Any:
            made = scope.made
            if kind in made:
                return made[kind]
            value = made[kind] = make(scope)
            if close is not None:
                scope.closers.append((close, value))
            return value

        self._getters[kind] = get

    def add_getter(self, kind: Any, get: Factory) -> None:
        """Register a value that is fetched anew each time, with no bookkeeping."""
        self._getters[kind] = get

    def add_deferred(self, kind: Any, prepare: Callable[[], Factory]) -> None:
        """Register a value whose getter is made when the first target that asks for it is wired."""
        self._deferred[kind] = prepare

    def add_translator(self, translate: Translate) -> None:
        """Register what turns a library's errors into typed ones, at the end of each call that fails."""
        self._translators.append(translate)

    def translate(self, error: BaseException) -> BaseException | None:
        """Return the typed error for another one, or None where nobody knows better."""
        for translate in self._translators:
            typed = translate(error)
            if typed is not None:
                return typed
        return self._parent.translate(error) if self._parent is not None else None

    def provides(self, kind: Any) -> bool:
        try:
            known = kind in self._getters or kind in self._deferred
        except TypeError:  # an unhashable annotation is never a registered type
            return False
        return known or (self._parent is not None and self._parent.provides(kind))

    def getter(self, kind: Any) -> Factory:
        if kind in self._getters:
            return self._getters[kind]
        if kind in self._deferred:
            self._getters[kind] = self._deferred[kind]()
            return self._getters[kind]
        if self._parent is not None and self._parent.provides(kind):
            return self._parent.getter(kind)
        raise SetupError(f"Nothing provides {describe(kind)}.")

    def open(self) -> Scope:
        return Scope(self)

    def compile(self, target: Callable[..., T]) -> Callable[[Scope], T]:
        """Return a function that makes ``target`` with its parameters taken from a scope.

        Args:
            target: A class (its constructor is looked at) or a function.

        Raises:
            SetupError: For a parameter without annotation or default, or of a type that nothing provides.
        """
        function = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
        name = getattr(target, "__qualname__", repr(target))
        if isinstance(target, type) and function is object.__init__:
            return lambda scope: target()
        parameters = list(inspect.signature(function).parameters.values())
        if isinstance(target, type):
            parameters = parameters[1:]
        hints = resolve_hints(function, name)
        getters: dict[str, Factory] = {}
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            kind = hints.get(parameter.name)
            if kind is not None and self.provides(kind):
                getters[parameter.name] = self.getter(kind)
            elif parameter.default is parameter.empty:
                what = f"nothing provides its parameter `{parameter.name}: {describe(kind)}`"
                if parameter.name not in hints:
                    what = f"its parameter `{parameter.name}` has no annotation, so nothing tells what it should be"
                raise SetupError(
                    f"{name}: {what}.",
                    hint="Annotate it with a contract, Session, CallContext, Caller, Principal, Clock or a settings "
                    "class, register the type with module.provide(), or give it a default.",
                )
        return _caller(target, getters)


def _caller(target: Callable[..., T], getters: Mapping[str, Factory]) -> Callable[[Scope], T]:
    """Generate ``lambda scope: target(a=get_a(scope), …)``: no loop and no dict per call."""
    names = list(getters)
    if not all(name.isidentifier() for name in names):  # unreachable from Python source; guards exec
        raise SetupError(f"Parameter names are not identifiers: {names}")
    arguments = ", ".join(f"{name}=get_{name}(scope)" for name in names)
    namespace: dict[str, Any] = {f"get_{name}": getters[name] for name in names}
    namespace["target"] = target
    exec(f"def make(scope):\n    return target({arguments})", namespace)  # noqa: S102 - names checked above
    made: Callable[[Scope], T] = namespace["make"]
    return made


class Scope:
    """What one call has made so far; ended with :meth:`close`, or as a context manager."""

    __slots__ = ("closers", "made", "registry")

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.made: dict[Any, Any] = {}
        self.closers: list[tuple[Close, Any]] = []

    def get(self, kind: type[T]) -> T:
        """Return the call's ``kind``, made when it is first asked for.

        Raises:
            SetupError: When nothing provides it.
        """
        value: T = self.registry.getter(kind)(self)
        return value

    def close(self, succeeded: bool) -> None:
        """End every value's use, last made first. The first failure is raised after all have ended."""
        failure: BaseException | None = None
        while self.closers:
            close, value = self.closers.pop()
            try:
                close(value, succeeded and failure is None)
            except BaseException as error:  # noqa: BLE001 - every closer runs, then the first failure is raised
                failure = failure or error
        if failure is not None:
            raise failure

    def fail(self, error: BaseException) -> BaseException:
        """End every value's use after a failure; return the error for the caller: this one, or a typed one for it.

        A further failure on the way out is only noted: the first one says what went wrong.
        """
        try:
            self.close(False)
        except Exception as later:  # noqa: BLE001 - noted
            error.add_note(f"Rolling back failed, too: {type(later).__name__}.")
        return self.registry.translate(error) or error

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None:
            self.close(True)
            return
        failure = self.fail(error)
        if failure is not error:
            raise failure from error


def describe(kind: Any) -> str:
    """Return a type as a person writes it."""
    return kind.__qualname__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def resolve_hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """Return a function's annotations as types, ``Annotated`` kept.

    Resolved when the function is wired and not when it is declared, so that forward references work.

    Args:
        function: The function; for a class, its ``__init__``.
        name: What to call it in an error.

    Raises:
        SetupError: When a name in an annotation cannot be found at run time.
    """
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError:
        return _hints_one_by_one(function, name)


def _hints_one_by_one(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """Resolve each annotation by itself; a result may be an alias with names that only its own file knows.

    ``flask.typing.ResponseReturnValue`` is such an alias: it names types that Flask imports for type checkers only.
    """
    function = inspect.unwrap(function)
    namespace = getattr(function, "__globals__", {})
    hints = {}
    for parameter, annotation in inspect.get_annotations(function).items():
        try:
            hints[parameter] = _resolve(annotation, namespace)
        except NameError as error:
            outer = _try_eval(annotation, namespace) if parameter == "return" else None
            if outer is None:
                raise _unknown_name(error, name) from error
            hints[parameter] = outer
    return hints


def _resolve(annotation: Any, namespace: dict[str, Any]) -> Any:
    def holder() -> None: ...

    holder.__annotations__ = {"it": annotation}
    return typing.get_type_hints(holder, globalns=namespace, include_extras=True)["it"]


def _try_eval(annotation: Any, namespace: dict[str, Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, namespace)  # noqa: S307 - the developer's own annotation, as typing does it
    except NameError:
        return None


def _unknown_name(error: NameError, name: str) -> SetupError:
    missing = error.name or str(error)
    return SetupError(
        f"{name}: the annotation `{missing}` cannot be found at run time.",
        hint=f"Import {missing} outside `if TYPE_CHECKING:`, and define it at module level, not in a function.",
    )
