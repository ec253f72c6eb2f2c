"""Operations with ``idempotent=True``: run once for each key, and answer a repetition as the first time."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, get_origin

import pydantic_core
from pydantic import Secret, SecretBytes, SecretStr

from decant.context import current
from decant.errors import SetupError
from decant.http.client import compile_decoder
from decant.http.operations import Operation
from decant.http.parameters import EMPTY
from decant.http.requests import adapter_of
from decant.http.results import Result, is_response
from decant.idempotency import (
    Claim,
    IdempotencyKeyMalformed,
    IdempotentCalls,
    parse_key,
    slot_of,
)
from decant.wiring import Injector, Scope

ENVIRON = "HTTP_IDEMPOTENCY_KEY"


class Keyed:
    """Runs one operation under its caller's idempotency key, if there is one.

    What is stored is the answer of a call that was committed. A call that fails stores nothing, and its
    transaction is rolled back: a repetition runs again, unless something was committed before. So does one after
    24 hours.

    Args:
        operation: The operation.
        injector: Has the module's :class:`~decant.idempotency.IdempotentCalls`.
        between: Whether these are calls between modules, whose keys are apart from those of clients.

    Raises:
        SetupError: When the module has no database, or the operation's answers cannot be stored.
    """

    def __init__(self, operation: Operation, injector: Injector, *, between: bool = False) -> None:
        self._calls = _calls(operation, injector)
        self._name, self._between = f"{operation.method} {operation.name}", between
        self._fingerprint = _fingerprinter(operation)
        self._result = _storable(operation)
        self._decode = compile_decoder(self._result, operation.name)

    def run(self, scope: Scope, arguments: Mapping[str, Any], work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns, or returned the first time.

        Args:
            scope: The call's own, whose end commits the answer or gives the key back.
            arguments: The operation's arguments by name.
            work: Runs the operation in the scope.

        Raises:
            IdempotencyKeyInUse: While another call with the key is running.
            IdempotencyKeyReused: When the key was used with other arguments.
            IdempotencyAnswerLost: When a call with the key has committed effects, and ended before its answer.
        """
        context = current.get()
        if context.idempotency_key is None:
            return work()
        slot = slot_of(self._name, context, between=self._between)
        claim = self._calls.claim(slot, self._fingerprint(context.idempotency_key, arguments))
        if isinstance(claim, bytes):
            return self._decode(claim)
        scope.closers.insert(0, (self._release, claim))  # ended last: after the session, which may hold the row
        self._calls.begin(scope, claim)
        result = self._result.check(work())
        self._calls.answer(scope, claim, self._encode(result))
        return result

    def _release(self, claim: Claim, succeeded: bool) -> None:
        if not succeeded:
            self._calls.release(claim)

    def _encode(self, result: Any) -> bytes:
        return b"" if result is None else self._result.dump(result)


def check_header(environ: Mapping[str, Any]) -> None:
    """Refuse a request whose key cannot be taken: run without it, it might have its effect twice.

    Raises:
        IdempotencyKeyMalformed: For a header that holds no key.
    """
    header = environ.get(ENVIRON)
    if header is not None and parse_key(header) is None:
        raise IdempotencyKeyMalformed


def _calls(operation: Operation, injector: Injector) -> IdempotentCalls:
    if not injector.provides(IdempotentCalls):
        raise SetupError(
            f"{operation.name}: idempotent=True keeps keys in the module's database, and the module has none.",
            hint='Give it a models.py; or, where a repeated call has one effect by itself, write idempotent="natural".',
        )
    calls: IdempotentCalls = injector.getter(IdempotentCalls)(Scope(injector))  # type: ignore[arg-type]
    return calls


def _storable(operation: Operation) -> Result:
    kind = operation.result
    if kind is Any or is_response(kind) or (get_origin(kind) or kind) in (Generator, Iterable):
        raise SetupError(
            f"{operation.name}: idempotent=True stores answers, and its result {kind} is not one that can be stored.",
            hint="Return a model or another type that is written as JSON, and annotate it.",
        )
    return Result(kind, operation.name)


def _fingerprinter(operation: Operation) -> Callable[[str, Mapping[str, Any]], str]:
    """Return the function that gives equal arguments under one key the same short text, in any process.

    The key is not stored, so that whoever reads the table cannot try passwords against it, as long as clients choose
    keys that nobody guesses.
    """
    given = [parameter for parameter in operation.parameters if parameter.kind != "injected"]
    fields = [
        (one.name, one.default, adapter_of(one.type, f"{operation.name}: `{one.name}`").serializer.to_python)
        for one in given
    ]

    def fingerprint(key: str, arguments: Mapping[str, Any]) -> str:
        values = {
            name: _canonical(dump(arguments.get(name, default), warnings=False))
            for name, default, dump in fields
            if name in arguments or default is not EMPTY
        }
        return hmac.digest(key.encode(), _json(values).encode(), "sha256").hex()

    return fingerprint


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _canonical(value: Any) -> Any:
    """Return a value as JSON data that does not depend on the order of keys and sets; secrets in the clear."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(_canonical(key)): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_json(_canonical(item)) for item in value)
    if isinstance(value, Secret | SecretStr | SecretBytes):
        return _canonical(value.get_secret_value())
    return pydantic_core.to_jsonable_python(value, bytes_mode="base64", fallback=str)
