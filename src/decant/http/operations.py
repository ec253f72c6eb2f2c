"""One operation, wired: everything that a request needs of it is worked out before the first one comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Request
from werkzeug.wrappers import Response

from decant.errors import DecantError, DomainError
from decant.http.client import RequestWriter, WireRequest, compile_decoder
from decant.http.declare import Declaration, refuse_async
from decant.http.parameters import Parameter, compile_parameters
from decant.http.requests import compile_parser
from decant.http.responding import compile_responder
from decant.http.results import Result, is_response
from decant.idempotency import IDEMPOTENCY_ERRORS
from decant.wiring import Injector


class Operation:
    """A callable with a typed signature and an HTTP mapping: a contract's method or a view.

    Made by :func:`compile_operation`.

    Attributes:
        name: How logs and errors name it, for instance ``catalog.get_product``.
        declaration: What its decorator says.
        function: The callable itself.
        parameters: Where each argument comes from.
        result: The type of what it returns; ``Any`` when it does not say.
        errors: The errors that it documents.
        check: Returns a result as the declared type, or raises ``ResultError``; call it before the session ends.
        read: What :meth:`parse` calls, by position: ``read(request, path_args, strict)``.
        send: Returns the response for a checked result: ``send(value, request)``.
    """

    __slots__ = (
        "_decode", "_writer", "check", "declaration", "errors", "function", "name", "parameters", "read", "result",
        "send",
    )  # fmt: skip

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        declaration: Declaration,
        parameters: tuple[Parameter, ...],
        result: Any,
        errors: tuple[type[DecantError], ...],
    ) -> None:
        self.function = function
        self.name = name
        self.declaration = declaration
        self.parameters = parameters
        self.errors = errors
        self.result = result
        answer = Result(result, name)
        self.check = answer.check
        self.send = compile_responder(declaration, answer, name)
        self.read = compile_parser(parameters, name, open_query=is_response(result))
        self._decode = compile_decoder(answer, name)
        self._writer: RequestWriter | None = None

    @property
    def method(self) -> str:
        """The HTTP method, in capitals."""
        return self.declaration.method

    @property
    def rule(self) -> str:
        """The path, in Flask's syntax."""
        return self.declaration.rule

    def parse(self, request: Request, path_args: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
        """Return the arguments that a request gives; one that is absent is left to its default.

        Args:
            request: The request.
            path_args: The values of the path's variables, as Flask gives them to a view.
            strict: Whether unknown fields and query parameters are refused; pages, which answer with a
                response of their own, take any query.

        Raises:
            ValidationError: 422, naming every bad field.
            BadRequest: The body or the query string cannot be read at all.
            UnsupportedMediaType: The body is not declared as JSON.
        """
        return self.read(request, path_args, strict)

    def respond(self, value: Any, request: Request) -> Response:
        """Return the response for what the operation returned.

        Raises:
            ResultError: When it does not fit the signature.
        """
        return self.send(self.check(value), request)

    def encode_request(self, arguments: Mapping[str, Any]) -> WireRequest:
        """Return the request that gives these arguments to :meth:`parse`, on the other side.

        Raises:
            ValidationError: For a value that would not arrive as it is, such as a path segment ``..``.
        """
        if self._writer is None:  # only callers need it
            self._writer = RequestWriter(self.parameters, self.rule, self.name)
        return self._writer.write(arguments)

    def decode_result(self, body: bytes) -> Any:
        """Return the result that a JSON answer holds; unknown fields are ignored.

        Raises:
            ProtocolError: When the answer does not fit; the operation may have run.
        """
        return self._decode(body)

    def __repr__(self) -> str:
        return f"<Operation {self.name}: {self.method} {self.rule}>"


def compile_operation(
    function: Callable[..., Any],
    *,
    name: str,
    declaration: Declaration,
    injector: Injector | None = None,
    errors: Sequence[type[DomainError]] = (),
    skip_self: bool = False,
) -> Operation:
    """Wire one operation.

    Args:
        function: The contract's method or the view.
        name: How logs and errors name it.
        declaration: Method, path and the rest; a view's is completed from its URL rule.
        injector: Says which parameters are injected and do not come from the request.
        errors: What the whole contract documents, besides the operation's own.
        skip_self: Whether the first parameter is the instance.

    Raises:
        SetupError: For a signature that cannot be served; says which parameter, why and the cure.
    """
    refuse_async(function)
    parameters, result = compile_parameters(
        function, name=name, declaration=declaration, injector=injector, skip_self=skip_self
    )
    keyed = IDEMPOTENCY_ERRORS if declaration.idempotent is True else ()
    documented = tuple(dict.fromkeys((*declaration.errors, *errors, *keyed)))
    return Operation(function, name, declaration, parameters, result, documented)
