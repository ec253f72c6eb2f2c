"""Clients: what a caller gets for a contract. The class is the contract's own; only the calls differ."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from decant.contracts.contract import Contract, ContractInfo, Declared

Call = Callable[..., Any]
"""Runs one operation; called as the operation is."""


def make_client(info: ContractInfo, calls: Mapping[str, Call], *, kind: str) -> Contract:
    """Return an object of the contract's type whose operations run ``calls``.

    Args:
        info: The contract.
        calls: How each operation is called, by its name in the contract.
        kind: ``Direct``, ``Strict`` or ``Remote``: named in the class, so that tracebacks and ``repr`` say it.
    """
    methods = {name: _method(info.operations[name], call) for name, call in calls.items()}
    name = f"{kind}{info.contract.__name__}"
    made: Contract = type(name, (info.contract,), {"__doc__": info.contract.__doc__, "__slots__": (), **methods})()
    return made


def _method(declared: Declared, call: Call) -> Callable[..., Any]:
    def method(_self: Contract, *args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)

    method.__name__ = declared.function.__name__
    method.__qualname__ = declared.function.__qualname__
    method.__doc__ = declared.function.__doc__
    # help(), inspect and the check of services see the operation's own signature.
    method.__signature__ = inspect.signature(declared.function)  # type: ignore[attr-defined]
    return method


def argument_binder(declared: Declared) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Return a function that turns ``(args, kwargs)`` into arguments by name; defaults stay left out.

    Raises:
        TypeError: From the returned function, as a plain call would.
    """
    signature = inspect.signature(declared.function)
    signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    names = tuple(signature.parameters)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if not kwargs and len(args) == len(names):
            return dict(zip(names, args, strict=True))
        return dict(signature.bind(*args, **kwargs).arguments)

    return bind
