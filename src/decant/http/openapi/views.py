"""``/openapi.json``: the document for programs, made once and tagged."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Lock
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from decant.http.docs import install_docs
from decant.http.etag import etag_of
from decant.http.openapi.document import Include, build_document

EXTENSION = "decant.openapi"
Made = tuple[dict[str, Any], bytes, str]
"""A document, its bytes and their tag."""


class _Document:
    """An application's document, made when it is first asked for: by then all routes are there."""

    def __init__(self, app: Flask, include: Include | None, **info: Any) -> None:
        self._app = app
        self._include = include
        self._info = info
        self._lock = Lock()
        self._made: Made | None = None

    def get(self) -> Made:
        with self._lock:
            if self._made is None:
                self._made = _written(build_document(self._app, include=self._include, **self._info))
            return self._made


def install_openapi(
    app: Flask,
    *,
    title: str,
    version: str,
    description: str = "",
    servers: tuple[str, ...] = (),
    include: Include | None = None,
    docs: str | None = "/docs",
) -> None:
    """Serve the API document at ``/openapi.json``, and a page that shows it.

    Args:
        app: Any Flask application; routes may still be added until the first request.
        title: The API's name.
        version: The API's version.
        description: A few paragraphs about it.
        servers: Addresses that serve it; none means the one that served the document.
        include: Decides which typed operations are in it; all by default.
        docs: Where the page is; None for no page.
    """
    document = _Document(app, include, title=title, version=version, description=description, servers=servers)
    app.extensions[EXTENSION] = document
    _serve(app, document.get, docs)


def serve_document(app: Flask, document: dict[str, Any], *, docs: str | None = "/docs") -> None:
    """Serve a document that was made elsewhere, as :func:`install_openapi` does.

    Args:
        app: Any Flask application.
        document: The document; its members stay in their order.
        docs: Where the page is; None for no page.
    """
    made = _written(document)
    _serve(app, lambda: made, docs)


def _written(document: dict[str, Any]) -> Made:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return document, body, etag_of(body).strip('"')


def _serve(app: Flask, get: Callable[[], Made], docs: str | None) -> None:
    pages = Blueprint("decant_openapi", __name__)

    @pages.get("/openapi.json")
    def openapi() -> Any:
        _, body, tag = get()
        response = Response(body, mimetype="application/json")
        response.set_etag(tag)
        response.cache_control.no_cache = True
        return response.make_conditional(request)

    app.register_blueprint(pages)
    if docs is not None:
        install_docs(app, lambda: get()[0], rule=docs)


def document_of(app: Flask | None = None) -> dict[str, Any]:
    """Return the API document of an application (the current one by default). Do not change it.

    Raises:
        KeyError: When :func:`install_openapi` was not called for it.
    """
    found: _Document = (app or current_app).extensions[EXTENSION]
    return found.get()[0]
