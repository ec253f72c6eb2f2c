"""Living with flask-smorest, which answers every error of an application in its own way.

Its blueprints keep its errors, since its documents promise them; every other path keeps problem documents.
flask-smorest itself is never imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import HTTPException

Handler = Callable[[Any], Any]


def share_errors(app: Flask, ours: Handler) -> None:
    """Keep ``ours`` as the handler for ``HTTPException`` when an ``Api`` is, or was, initialised too.

    Args:
        app: The application.
        ours: Answers with a problem document.
    """
    handlers = app.error_handler_spec[None][None]
    shared = _Handlers(app, ours)
    for kind, handler in handlers.items():
        shared[kind] = handler
    app.error_handler_spec[None][None] = shared


class _Handlers(dict[type[Exception], Handler]):
    """Error handlers by class, where flask-smorest's catch-all is for its own blueprints only."""

    def __init__(self, app: Flask, ours: Handler) -> None:
        super().__init__()
        self._app = app
        self._ours = ours

    def __setitem__(self, kind: type[Exception], handler: Handler) -> None:
        if kind is HTTPException and _is_smorest(handler):
            handler = self._shared(handler)
        super().__setitem__(kind, handler)

    def _shared(self, theirs: Handler) -> Handler:
        def answer(error: HTTPException) -> Any:
            blueprints = (self._app.blueprints[name] for name in request.blueprints)
            if not any(map(_is_theirs, blueprints)):
                return self._ours(error)
            return _with_headers(theirs(error), error)

        return answer


def _is_theirs(blueprint: Any) -> bool:
    return hasattr(blueprint, "register_views_in_doc")


def documents(app: Flask) -> Iterator[Callable[[], Mapping[str, Any]]]:
    """Yield a function per ``Api`` of an application that returns its OpenAPI document.

    Its blueprints inside a module were never given to an ``Api``; the first one describes them too.
    """
    extension = app.extensions.get("flask-smorest", {})
    apis = [entry["ext_obj"] for entry in extension.get("apis", {}).values()]
    if apis:
        _adopt(app, apis[0], extension["blp_name_to_api"])
    for api in apis:
        yield api.spec.to_dict


def _adopt(app: Flask, api: Any, owners: dict[str, Any]) -> None:
    blueprints: Mapping[str, Any] = app.blueprints
    for name, blueprint in blueprints.items():
        if _is_theirs(blueprint) and name not in owners:
            owners[name] = api
            blueprint.register_views_in_doc(api, app, api.spec, name=name, parameters=None)
            api.spec.tag({"name": name, "description": blueprint.description})


def _is_smorest(handler: Handler) -> bool:
    return (getattr(handler, "__module__", None) or "").partition(".")[0] == "flask_smorest"


def _with_headers(answer: Any, error: HTTPException) -> Any:
    """Put the headers back that flask-smorest drops, for instance ``Retry-After``."""
    payload, status, headers = answer
    kept = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return payload, status, {**kept, **(headers or {})}
