"""What an operation returns: checked to be what it declares, and written as JSON.

A result that already is the declared type passes by an identity check. Anything else - a dict, a row, an
ORM object, a list of them - is validated once, all of it at once, and never becomes a dict in between.
The check is not only a courtesy: pydantic writes an object of the wrong class as ``{}``, without an error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pydantic_core
from flask import current_app
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError
from typing_extensions import is_typeddict
from werkzeug.wrappers import Response

from decant.errors import DecantError
from decant.http.requests import adapter_of
from decant.http.texts import strip_optional

_SCALARS = (str, int, float, bool)

Check = Callable[[Any], Any]
Dump = Callable[[Any], bytes]


class ResultError(DecantError):
    """An operation returned what its signature does not promise: a bug here, never the client's fault."""

    title = "Wrong result"


class Result:
    """The result's type of one operation, wired.

    Attributes:
        type: The annotation; ``Any`` where there is none.
        adapter: Pydantic's adapter for it, or None when nothing is returned, or a Flask response.
        optional: Whether None is a result.
    """

    __slots__ = ("_check", "_dump", "_operation", "adapter", "optional", "type")

    def __init__(self, kind: Any, operation: str) -> None:
        self.type = kind
        self._operation = operation
        bare = strip_optional(kind)
        self.optional = kind is None or kind is type(None) or kind is Any or bare is not _plain(kind)
        self.adapter: TypeAdapter[Any] | None = None
        self._check: Check = self._refuse
        self._dump: Dump = pydantic_core.to_json
        if _is_view_result(kind):
            self._check = _as_flask_does
        elif not is_response(kind) and kind is not None and kind is not type(None):
            self.adapter = adapter_of(kind, f"{operation}: its result")
            self._dump = _dumper(self.adapter)
            self._check = self._checker(self.adapter, bare)

    def check(self, value: Any) -> Any:
        """Return a result as the declared type. None and Flask responses are themselves.

        Call it before the session ends: rows may load what is missing.

        Raises:
            ResultError: When it does not fit.
        """
        if value is None:
            return None if self.optional else self._refuse(value)
        return value if isinstance(value, Response) else self._check(value)

    def dump(self, value: Any) -> bytes:
        """Return a checked result as JSON, by pydantic's serializer.

        Raises:
            ResultError: When a part of it has become something else since it was validated.
        """
        try:
            return self._dump(value)
        except PydanticSerializationError as error:
            raise self._error(value, str(error)) from error

    def _checker(self, adapter: TypeAdapter[Any], bare: Any) -> Check:
        validate = adapter.validator.validate_python

        def convert(value: Any) -> Any:
            try:
                return validate(value, from_attributes=True)
            except pydantic_core.ValidationError as error:
                raise self._error(value, _describe(error)) from error

        return _quick(bare, convert)

    def _refuse(self, value: Any) -> Any:
        raise self._error(value, "nothing else is promised")

    def _error(self, value: Any, why: str) -> ResultError:
        return ResultError(
            f"{self._operation} returned {type(value).__qualname__}, which does not fit its result {self.type}: {why}",
            hint="Return what the signature says, or change the signature.",
        )


def is_response(kind: Any) -> bool:
    """Return whether a type is a Flask or Werkzeug response, or what Flask makes one of: it passes through."""
    return (isinstance(kind, type) and issubclass(kind, Response)) or _is_view_result(kind)


def _is_view_result(kind: Any) -> bool:
    """Return whether a type is what a plain view returns, or another union with a response in it."""
    if get_origin(kind) not in (Union, UnionType):
        return False
    return bool(kind == ResponseReturnValue) or any(map(is_response, get_args(kind)))


def _as_flask_does(value: Any) -> Response:
    return current_app.make_response(value)


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _dumper(adapter: TypeAdapter[Any]) -> Dump:
    """Return the call that writes JSON. ``.serializer`` is not documented; this is its only use for answers."""
    to_json = adapter.serializer.to_json

    def dump(value: Any) -> bytes:
        encoded: bytes = to_json(value, by_alias=True, warnings="error")
        return encoded

    return dump


def _describe(error: pydantic_core.ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}{more}"


def _quick(bare: Any, convert: Check) -> Check:
    """Return a check that lets values of the declared type pass, and converts what is something else."""
    if bare is Any:
        return lambda value: value
    if bare in _SCALARS:
        return lambda value: value if type(value) is bare else convert(value)
    if _is_class(bare):
        return lambda value: value if isinstance(value, bare) else convert(value)
    if is_typeddict(bare):
        fits = _fits_keys(bare)
        return lambda value: value if fits(value) else convert(value)
    if get_origin(bare) is list:
        return _quick_list(get_args(bare)[0], convert)
    return convert


def _quick_list(element: Any, convert: Check) -> Check:
    if _is_class(element):
        exact = frozenset((element,))
        return lambda value: value if type(value) is list and exact.issuperset(map(type, value)) else convert(value)
    if is_typeddict(element):
        fits = _fits_keys(element)
        return lambda value: value if type(value) is list and all(map(fits, value)) else convert(value)
    return convert


def _is_class(kind: Any) -> bool:
    """Return whether an instance of the type was validated when it was made, as far as anyone can tell."""
    return isinstance(kind, type) and (
        issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind) or kind in _SCALARS
    )


def _fits_keys(kind: Any) -> Callable[[Any], bool]:
    required = kind.__required_keys__
    return lambda value: type(value) is dict and required <= value.keys()
