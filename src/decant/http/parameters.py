"""Which parameter of an operation comes from where, decided once from its signature."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from decant.errors import SetupError
from decant.http.declare import Declaration
from decant.http.markers import Body, Header, Marker, Query
from decant.http.texts import strip_optional
from decant.wiring import Injector, resolve_hints

EMPTY: Any = inspect.Parameter.empty
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
PATH_VARIABLE = re.compile(r"<(?:(?P<converter>[^:<>]+):)?(?P<name>[A-Za-z_]\w*)>")

Kind = Literal["path", "query", "header", "body", "injected"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation.

    Attributes:
        name: Its name in Python.
        kind: Where its value comes from.
        type: Its annotation, ``Annotated`` kept.
        default: Its default, or ``inspect.Parameter.empty``.
        required: Whether a request without it is refused.
        alias: Its name on the wire.
        flat: A model whose fields are the query parameters.
        whole: The body is this parameter, and not an object that has it as a key.
    """

    name: str
    kind: Kind
    type: Any
    default: Any = EMPTY
    required: bool = True
    alias: str = ""
    flat: bool = False
    whole: bool = False


def compile_parameters(
    function: Callable[..., Any],
    *,
    name: str,
    declaration: Declaration,
    injector: Injector | None,
    skip_self: bool,
) -> tuple[tuple[Parameter, ...], Any]:
    """Return an operation's parameters and its result's type.

    Raises:
        SetupError: For a signature that cannot be served; says which parameter, why and the cure.
    """
    hints = resolve_hints(function, name)
    signature = list(inspect.signature(function).parameters.values())
    given = signature[1:] if skip_self else signature
    variables = {match["name"] for match in PATH_VARIABLE.finditer(declaration.rule)}
    missing = sorted(variables - {parameter.name for parameter in given})
    if missing:
        raise SetupError(
            f"{name}: its path {declaration.rule!r} has <{missing[0]}>, and the function has no such parameter.",
            hint=f"Add the parameter `{missing[0]}`, or take it out of the path.",
        )
    sort = _Sorter(name, declaration, injector, variables)
    parameters = tuple(sort.parameter(parameter, hints) for parameter in given)
    _refuse_doubles(parameters, name)
    return _settle_body(parameters), hints.get("return", Any)


class _Sorter:
    """Decides where each parameter comes from."""

    def __init__(self, name: str, declaration: Declaration, injector: Injector | None, variables: set[str]) -> None:
        self.name = name
        self.method = declaration.method
        self.injector = injector
        self.variables = variables

    def parameter(self, given: inspect.Parameter, hints: Mapping[str, Any]) -> Parameter:
        where = f"{self.name}: its parameter `{given.name}`"
        if given.kind not in (given.POSITIONAL_OR_KEYWORD, given.KEYWORD_ONLY):
            raise SetupError(f"{where} is not one that can be given by name.", hint="Name each parameter.")
        if given.name not in hints:
            raise SetupError(f"{where} has no type.", hint=f"Annotate it, for instance `{given.name}: str`.")
        if isinstance(given.default, FieldInfo | Query | Header | Body):
            raise SetupError(
                f"{where} has a {type(given.default).__name__} as its default.",
                hint=f"Write `{given.name}: Annotated[…, {type(given.default).__name__}(…)]` and a plain default.",
            )
        return self._placed(given.name, hints[given.name], given.default, where)

    def _placed(self, name: str, kind: Any, default: Any, where: str) -> Parameter:
        marker = _marker(kind, where)
        required = default is EMPTY
        if name in self.variables:
            if marker is not None:
                raise SetupError(f"{where} is in the path and marked {type(marker).__name__}.", hint="Drop the mark.")
            return Parameter(name, "path", kind, default, True, name)
        if marker is None and self._injected(kind):
            return Parameter(name, "injected", kind, default, False, name)
        if isinstance(marker, Header):
            return Parameter(name, "header", kind, default, required, marker.alias or name.replace("_", "-"))
        if isinstance(marker, Body):
            return self._body(Parameter(name, "body", kind, default, required, name, whole=True), where)
        if isinstance(marker, Query) or self.method not in BODY_METHODS:
            alias = marker.alias if isinstance(marker, Query) else None
            return Parameter(name, "query", kind, default, required, alias or name, flat=is_model(kind))
        return Parameter(name, "body", kind, default, required, name)

    def _injected(self, kind: Any) -> bool:
        return self.injector is not None and self.injector.provides(kind)

    def _body(self, parameter: Parameter, where: str) -> Parameter:
        if self.method in ("GET", "HEAD"):
            raise SetupError(f"{where} is in the body, and a {self.method} has none.", hint="Use POST, or Query().")
        return parameter


def _marker(kind: Any, where: str) -> Marker | None:
    if get_origin(kind) is not Annotated:
        return None
    metadata = get_args(kind)[1:]
    found = [item for item in metadata if isinstance(item, Query | Header | Body)]
    found.extend(item() for item in metadata if item in (Query, Header, Body))
    if len(found) > 1:
        raise SetupError(f"{where} has {len(found)} marks.", hint="Keep one of Query(), Header() and Body().")
    return found[0] if found else None


def _settle_body(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """One object-like parameter is the body; several are its keys."""
    in_body = [parameter for parameter in parameters if parameter.kind == "body"]
    whole = len(in_body) == 1 and (in_body[0].whole or is_object(in_body[0].type))
    return tuple(
        dataclasses.replace(parameter, whole=whole) if parameter.kind == "body" else parameter
        for parameter in parameters
    )


def _refuse_doubles(parameters: Iterable[Parameter], name: str) -> None:
    seen: set[tuple[str, str]] = set()
    for parameter in parameters:
        key = (parameter.kind, parameter.alias.lower() if parameter.kind == "header" else parameter.alias)
        if key in seen:
            raise SetupError(f"{name}: two parameters are the {parameter.kind} parameter {parameter.alias!r}.")
        seen.add(key)


def is_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model with named fields."""
    bare = strip_optional(kind)
    return isinstance(bare, type) and issubclass(bare, BaseModel) and not issubclass(bare, RootModel)


def is_object(kind: Any) -> bool:
    """Return whether a type is a model, a dataclass or a TypedDict: one JSON object."""
    bare = strip_optional(kind)
    if is_typeddict(bare):
        return True
    return isinstance(bare, type) and (issubclass(bare, BaseModel) or dataclasses.is_dataclass(bare))
