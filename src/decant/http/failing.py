"""Failures where developers work: told to the service that asked, and shown whole, once, where the request came in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

from flask import Flask, Request, current_app, request

from decant.observe.failures import Failure, as_text, summary, tell
from decant.observe.logging import INSTEAD

Raised: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

_KEY = "decant.failure"
_LONGEST_SUMMARY = 500


class Failures:
    """Tells what went wrong in the requests of one application.

    Args:
        service: What the process is called in the chain.
    """

    def __init__(self, service: str) -> None:
        self.service = service

    def of(self, error: BaseException) -> Failure:
        """Return the chain of what the current request ended in; read once, however often it is asked for."""
        kept: tuple[BaseException, Failure] | None = request.environ.get(_KEY)
        if kept is None or kept[0] is not error:
            kept = request.environ[_KEY] = error, tell(error, service=self.service, operation=_operation(request))
        return kept[1]

    def log(self, error: BaseException, level: int, whole: Callable[[], object]) -> None:
        """Log an error: here where it arose, as a chain at the edge, and in between in one line.

        Args:
            error: What the request ended in.
            level: For the chain and the line.
            whole: Logs it with its traceback.
        """
        failure = self.of(error)
        if failure.processes < 2:
            whole()
        elif request.environ.get("decant.internal"):
            current_app.logger.log(level, "%s failed: %s", _operation(request), summary(error)[:_LONGEST_SUMMARY])
        else:
            current_app.logger.log(
                level, "Exception on %s [%s]", request.path, request.method,
                exc_info=error, extra={INSTEAD: as_text(failure)},
            )  # fmt: skip

    def install(self, app: Flask) -> None:
        """Log what nobody handled as :meth:`log` does; an application that logs in its own way goes on to."""
        if type(app).log_exception is not Flask.log_exception:
            return
        logged = app.log_exception

        def log_exception(exc_info: Any, *context: Any) -> None:  # Flask's next version passes its context first
            raised: Raised = context[0] if context else exc_info
            if raised[1] is not None:
                self.log(raised[1], logging.ERROR, lambda: logged(exc_info, *context))

        app.log_exception = log_exception  # type: ignore[method-assign]


def _operation(asked: Request) -> str:
    """Return what a request runs: an operation, or a view."""
    return asked.endpoint.partition("@")[0] if asked.endpoint else f"{asked.method} {asked.path}"


def wants_page(asked: Request) -> bool:
    """Return whether a person asks: programs do not name HTML, or like JSON no less."""
    accept = asked.accept_mimetypes
    named = any(media.lower() == "text/html" and quality > 0 for media, quality in accept)
    return named and accept["text/html"] >= accept["application/json"]
