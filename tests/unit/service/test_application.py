from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from decant.service.application import ServiceApp


class Views:
    def plain(self) -> str:
        return "sync"

    async def late(self) -> str:
        return "async"


def plain() -> str:
    return "sync"


async def late() -> str:
    return "async"


@pytest.mark.parametrize("function", [plain, Views().plain, functools.partial(plain), lambda: "sync"])
def test_a_plain_function_is_called_as_it_is(function: Callable[[], Any]) -> None:
    assert ServiceApp("app").ensure_sync(function) is function


@pytest.mark.parametrize("function", [late, Views().late, functools.partial(late)])
def test_a_coroutine_is_left_to_flask(function: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    app = ServiceApp("app")
    monkeypatch.setattr(app, "async_to_sync", lambda func: ("left to Flask", func))
    assert app.ensure_sync(function) == ("left to Flask", function)


@pytest.mark.skipif(not hasattr(inspect, "markcoroutinefunction"), reason="came with Python 3.12")
def test_a_function_that_is_marked_as_a_coroutine_is_left_to_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ServiceApp("app")
    monkeypatch.setattr(app, "async_to_sync", lambda func: ("left to Flask", func))

    def marked() -> Any:
        return late()

    inspect.markcoroutinefunction(marked)  # type: ignore[attr-defined]
    assert app.ensure_sync(marked) == ("left to Flask", marked)
