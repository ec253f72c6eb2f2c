"""What the edge answers by itself, byte for byte as one process does: problems, health, the API document, its page."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from flask import Flask
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.http import parse_accept_header
from werkzeug.test import run_wsgi_app

from decant.auth.browser.answers import accepts_html
from decant.context import EMPTY, current
from decant.gateway.base import Answer, Head, State
from decant.gateway.health import ServiceHealth
from decant.http.codecs import encode
from decant.http.openapi.views import serve_document
from decant.http.problem import ProblemDocument, install_problems, problem_of
from decant.observe.metrics import render

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from decant.gateway.routes.manifest import Manifest

SECURITY = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"))
NO_STORE = ("Cache-Control", "no-store")


def accept_of(head: Head) -> str | None:
    """Return what a request accepts, or None where it does not say."""
    values = [value for name, value in head.headers if name == b"accept"]
    return b",".join(values).decode("latin-1") if values else None


@lru_cache(maxsize=256)
def _browser(accept: str) -> bool:
    return accepts_html(parse_accept_header(accept, MIMEAccept))


def is_browser(head: Head) -> bool:
    """Return whether a request wants a page rather than a document for programs."""
    accept = accept_of(head)
    return accept is not None and "html" in accept.lower() and len(accept) < 500 and _browser(accept)


def not_found(head: Head) -> Answer:
    """Return what a path gets that nobody answers."""
    return _problem(head, problem_of(NotFound(), expose=False))


def not_allowed(head: Head, allowed: Collection[str]) -> Answer:
    """Return what a path gets that has other methods."""
    return _problem(head, problem_of(MethodNotAllowed(valid_methods=sorted(allowed)), expose=False))


def options(allowed: Collection[str], route: str) -> Answer:
    """Return the methods of one of the edge's own paths."""
    allow = ("Allow", ", ".join(sorted(allowed)))
    return Answer(200, (("Content-Type", "text/html; charset=utf-8"), allow, *SECURITY), b"", route)


def _problem(head: Head, problem: ProblemDocument, *more: tuple[str, str]) -> Answer:
    document = replace(problem, trace_id=head.trace_id, request_id=head.request_id).members()
    body, content_type = encode(document, accept_of(head), problem=True)
    fixed = (("Content-Type", content_type), ("Vary", "Accept"), *SECURITY, *more)
    return Answer(problem.status, (*fixed, *problem.headers), body)


class Documents:
    """The edge's own paths.

    Args:
        manifest: Says which there are.
        health: What the services say of themselves.
        state: Where the gateway's process is in its life.
    """

    def __init__(self, manifest: Manifest, health: ServiceHealth, state: State) -> None:
        self._health = health
        self._state = state
        docs = next((route.path for route in manifest.routes if route.endpoint == "decant_docs.page"), None)
        self._app = _application(dict(manifest.openapi), docs)
        self._answers = {
            "decant_health": self._services,
            "decant_health_live": self._live,
            "decant_health_ready": self._ready,
            "decant_metrics": self._metrics,
        }

    async def answer(self, head: Head, endpoint: str, route: str) -> Answer:
        """Return the answer to a path of the edge's own.

        Args:
            head: The request.
            endpoint: The path's, as in the manifest.
            route: Its template.
        """
        made = self._answers.get(endpoint)
        answer = await made(head) if made is not None else await asyncio.to_thread(self._ask_application, head)
        return replace(answer, route=route)

    async def _services(self, _head: Head) -> Answer:
        return _json({"gateway": "healthy", "services": await self._health.modules()})

    async def _live(self, _head: Head) -> Answer:
        return _json({"status": "alive"})

    async def _ready(self, head: Head) -> Answer:
        if self._state.ready and not self._state.draining:
            return _json({"status": "ready", "checks": {}})
        detail = "The process is stopping." if self._state.draining else "The process is starting."
        problem = ProblemDocument(
            status=503,
            code="not-ready",
            title="Not ready",
            type="urn:problem-type:not-ready",
            detail=detail,
            headers=(("Retry-After", "1"),),
        )
        return _problem(head, problem, NO_STORE)

    async def _metrics(self, _head: Head) -> Answer:
        body, content_type = await asyncio.to_thread(render)
        return Answer(200, (("Content-Type", content_type), NO_STORE, *SECURITY), body)

    def _ask_application(self, head: Head) -> Answer:
        current.set(EMPTY.replace(trace_id=head.trace_id, request_id=head.request_id))
        parts, status, answered = run_wsgi_app(self._app, _environ(head), buffered=True)
        headers = [(name, value) for name, value in answered if name.lower() != "content-length"]
        headers += [(name, value) for name, value in SECURITY if name not in answered]
        if answered.get("Content-Type", "").startswith("text/html"):
            headers.append(("X-Frame-Options", "SAMEORIGIN"))
        return Answer(int(status[:3]), tuple(headers), b"".join(parts))


def _application(document: dict[str, Any], docs: str | None) -> Flask:
    app = Flask("decant_edge", static_folder=None, template_folder=None)
    serve_document(app, document, docs=docs)
    install_problems(app, expose=False)
    return app


def _json(document: dict[str, Any]) -> Answer:
    body = json.dumps(document, sort_keys=True).encode()
    return Answer(200, (("Content-Type", "application/json"), NO_STORE, *SECURITY), body)


def _environ(head: Head) -> WSGIEnvironment:
    """Return a request without its body, which none of these paths reads."""
    host = (head.header(b"host") or b"localhost").decode("latin-1")
    named = {
        f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}": value.decode("latin-1")
        for name, value in head.headers
        if name in (b"accept", b"if-none-match", b"if-modified-since", b"range", b"if-range")
    }
    return {
        "REQUEST_METHOD": "GET" if head.method == "HEAD" else head.method,  # the core leaves the body out
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(head.path).decode("latin-1"),
        "QUERY_STRING": head.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": host,
        **named,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
