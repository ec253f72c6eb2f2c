"""The documentation page: served from the package itself, so it works without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, request, url_for
from jinja2 import Environment, FileSystemLoader, Template

from decant.http.docs.page import make_page
from decant.http.docs.text import inline

FOLDER = Path(__file__).parent
ASSETS = {"docs.css": "text/css", "docs.js": "text/javascript", "icon.svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
YEAR_S = 365 * 24 * 3600


def install_docs(app: Flask, document: Callable[[], Mapping[str, Any]], *, rule: str = "/docs") -> None:
    """Serve a page for people beside the OpenAPI document for programs.

    It is complete without JavaScript; with it, it searches as one types and tries operations.
    Nothing is fetched from elsewhere, and its content security policy forbids that.

    Args:
        app: Any Flask application.
        document: Returns the OpenAPI document to show.
        rule: Where the page is.

    Example:
        >>> app = Flask("shop")
        >>> install_docs(app, lambda: {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": {}})
        >>> app.test_client().get("/docs").status_code
        200
    """
    pages = Blueprint("decant_docs", __name__)

    @pages.get(rule)
    def page() -> Response:
        return _headed(Response(_render(document()), mimetype="text/html"))

    @pages.get(f"{rule.rstrip('/')}/assets/<name>")
    def asset(name: str) -> Any:
        if name not in ASSETS:
            abort(404)
        data, tag = _asset(name)
        response = Response(data, mimetype=ASSETS[name])
        response.set_etag(tag)
        response.cache_control.public = True
        response.cache_control.max_age = YEAR_S if request.args.get("v") == tag else 0
        return _headed(response).make_conditional(request)

    app.register_blueprint(pages)


def _headed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _render(document: Mapping[str, Any]) -> str:
    base_url = request.url_root.rstrip("/")
    return _template().render(
        page=make_page(document, base_url=base_url, query=request.args.get("q", "").strip()[:200]),
        base_url=base_url,
        here=request.script_root + request.path,
        document_url=_document_url(),
        asset=lambda name: url_for("decant_docs.asset", name=name, v=_asset(name)[1]),
        inline=inline,
    )


def _document_url() -> str:
    return f"{request.script_root}/openapi.json"


@cache
def _asset(name: str) -> tuple[bytes, str]:
    data = (FOLDER / "static" / name).read_bytes()
    return data, sha256(data).hexdigest()[:16]


@cache
def _template() -> Template:
    # An environment of our own: the application's looks for templates in its modules.
    loader = FileSystemLoader(FOLDER / "templates")
    return Environment(loader=loader, autoescape=True, trim_blocks=True).get_template("reference.html")
