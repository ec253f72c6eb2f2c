"""Clients of the accounts expect a ``message`` in every error; problem documents call it ``detail``."""

from collections.abc import Mapping
from typing import Any

from flask import request

from decant import Module
from decant.http.problem import EXTRA


def add_messages(module: Module, prefix: str) -> None:
    """Let every problem below a path carry a ``message``, also where no view answers."""

    @module.before_app_request
    def expect() -> None:
        if request.path.startswith(prefix):
            request.environ[EXTRA] = message


def message(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": problem["detail"]}
