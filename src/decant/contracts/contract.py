"""Contracts: the typed interface that a module offers to others.

A contract is a class of operations with bodies of ``...`` in a module's ``api.py``. The module's service
implements it; every other module asks for it by annotation and never learns where it runs.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from decant.errors import DecantError, DomainError, SetupError
from decant.http.declare import Declaration, declaration_of


class ContractInfo:
    """What a contract class declares.

    Attributes:
        contract: The class.
        module: The name of the module that owns it.
        operations: The declared methods by name, in the order they are written.
    """

    __slots__ = ("_errors", "contract", "module", "operations")

    def __init__(self, contract: type[Contract], module: str, operations: Mapping[str, Declared]) -> None:
        self.contract = contract
        self.module = module
        self.operations = operations
        self._errors: dict[str, type[DomainError]] | None = None

    @property
    def errors(self) -> Mapping[str, type[DomainError]]:
        """The errors that callers can catch, by code: those of the contract's own file and of its operations.

        Raises:
            SetupError: When two classes share a code.
        """
        if self._errors is None:
            self._errors = _errors_of(self)
        return self._errors


class Declared:
    """One declared operation: its full name (``books.get_book``), function and HTTP mapping."""

    __slots__ = ("declaration", "function", "name")

    def __init__(self, name: str, function: Callable[..., Any], declaration: Declaration) -> None:
        self.name = name
        self.function = function
        self.declaration = declaration


class Contract:
    """Base of contracts and, through them, of the services that implement them.

    Raises:
        SetupError: At declaration, when a contract has no operation, or when a service leaves one out
            or changes its parameters.

    Example:
        >>> from decant import Contract, get
        >>> class Greetings(Contract, module="greetings"):
        ...     @get("/greetings/<name>", public=True)
        ...     def greet(self, name: str) -> str: ...
        >>> class GreetingService(Greetings):
        ...     def greet(self, name: str) -> str:
        ...         return f"Hello {name}"
        >>> GreetingService().greet("Ada")
        'Hello Ada'
    """

    __contract__: ClassVar[ContractInfo]

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parents = [base for base in cls.__mro__[1:] if "__contract__" in base.__dict__]
        if parents:
            for parent in parents:
                _check_service(cls, parent.__dict__["__contract__"])
        else:
            cls.__contract__ = _declare(cls, module)


def contract_of(kind: Any) -> ContractInfo | None:
    """Return what ``kind`` declares when it is itself a contract; None for services and everything else."""
    info = kind.__dict__.get("__contract__") if isinstance(kind, type) else None
    return info if isinstance(info, ContractInfo) else None


def contracts_in(namespace: Any) -> Iterator[ContractInfo]:
    """Yield the contracts that a Python module (an ``api.py``) itself defines."""
    for value in vars(namespace).values():
        info = contract_of(value)
        if info is not None and value.__module__ == namespace.__name__:
            yield info


def services_in(namespace: Any) -> Iterator[tuple[type[Contract], ContractInfo]]:
    """Yield the service classes that a Python module itself defines, each with the contract it implements."""
    for value in vars(namespace).values():
        if not isinstance(value, type) or value.__module__ != namespace.__name__ or contract_of(value):
            continue
        if issubclass(value, Contract):
            for parent in value.__mro__[1:]:
                info = contract_of(parent)
                if info is not None:
                    yield value, info


def _declare(cls: type[Contract], module: str | None) -> ContractInfo:
    owner = module or _module_of(cls.__module__)
    operations: dict[str, Declared] = {}
    for name, member in vars(cls).items():
        declaration = declaration_of(member) if callable(member) else None
        if declaration is not None:
            operations[name] = Declared(f"{owner}.{name}", member, declaration)
        elif inspect.isfunction(member) and not name.startswith("_"):
            raise SetupError(
                f"{cls.__name__}.{name} is no operation: it has no HTTP mapping.",
                hint=f'Put one above it, for instance @get("/{name}"), or move it out of the contract.',
            )
    if not operations:
        raise SetupError(
            f"The contract {cls.__name__} declares no operation.",
            hint='Add a method with a mapping: @get("/things/<thing_id>") above `def get_thing(self, thing_id: str)`.',
        )
    return ContractInfo(cls, owner, operations)


def _module_of(python_module: str) -> str:
    """Return ``books`` for ``shop.books.api`` and for ``shop.books``."""
    parts = python_module.split(".")
    return parts[-2] if parts[-1] == "api" and len(parts) > 1 else parts[-1]


def _check_service(cls: type[Contract], info: ContractInfo) -> None:
    faults = []
    for name, declared in info.operations.items():
        method = getattr(cls, name)
        if method is declared.function:
            faults.append(f"it leaves out {name}{inspect.signature(declared.function)}")
        elif not inspect.isfunction(method):
            faults.append(f"{name} is not a method")
        elif inspect.iscoroutinefunction(method):
            faults.append(f"{name} is async; a service runs in a thread, so write a plain method")
        elif _names(method) != _names(declared.function):
            faults.append(f"{name} takes ({', '.join(_names(method))}), not ({', '.join(_names(declared.function))})")
    if faults:
        raise SetupError(f"{cls.__qualname__} does not implement {info.contract.__name__}: {'; '.join(faults)}.")


def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


def _errors_of(info: ContractInfo) -> dict[str, type[DomainError]]:
    namespace = sys.modules.get(info.contract.__module__)
    found: list[type[DecantError]] = [
        value
        for value in vars(namespace or info.contract).values()
        if isinstance(value, type) and issubclass(value, DomainError) and value.__module__ == info.contract.__module__
    ]
    for declared in info.operations.values():
        found.extend(declared.declaration.errors)
    errors: dict[str, type[DomainError]] = {}
    for error in found:
        if not issubclass(error, DomainError):
            raise SetupError(f"{info.contract.__name__}: {error.__name__} is not a DomainError and cannot be declared.")
        other = errors.setdefault(error.code, error)
        if other is not error:
            raise SetupError(
                f"{info.contract.__name__}: {other.__name__} and {error.__name__} share the code {error.code!r}.",
                hint='Give each error a code of its own: class X(DomainError, code="module.what-happened").',
            )
    return errors
