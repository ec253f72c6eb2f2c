"""What a browser sees of an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Request, current_app, render_template
from jinja2 import TemplateNotFound
from markupsafe import Markup
from werkzeug.datastructures import MIMEAccept

TEMPLATE = "error.html"
"""An application's own page, given the problem document as ``problem``."""

_BUILT_IN = Markup(
    """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title}</title>
</head>
<body>
  <main>
    <h1>{title}</h1>
    <p>{detail}</p>
    <p><a href="{home}">To the first page</a></p>
    <p><small>{status} {code} · {request_id}</small></p>
  </main>
</body>
</html>
"""
)


def prefers_html(request: Request) -> bool:
    """Return whether a request names HTML, and wants nothing else more: browsers do, programs do not."""
    return accepts_html(request.accept_mimetypes)


def accepts_html(accept: MIMEAccept) -> bool:
    """Return whether an ``Accept`` header names HTML, and wants nothing else more."""
    named = any(media.lower() == "text/html" and quality > 0 for media, quality in accept)
    return named and accept["text/html"] >= accept["application/json"]


def takes_html(request: Request) -> bool:
    """Return whether HTML is among what a request takes."""
    return not request.accept_mimetypes or prefers_html(request) or request.accept_mimetypes.best == "*/*"


def error_page(problem: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Return an error as HTML: by the application's ``error.html``, or plainly where there is none.

    Args:
        problem: The problem document.
        context: What templates of pages know.
    """
    try:
        return render_template(TEMPLATE, **context, problem=problem)
    except Exception as error:  # whatever is wrong with it, the first error is the one to tell
        if not (isinstance(error, TemplateNotFound) and error.name == TEMPLATE):
            current_app.logger.exception("The template %s fails.", TEMPLATE)
    return _BUILT_IN.format(
        title=problem["title"],
        detail=problem["detail"],
        status=problem["status"],
        code=problem["code"],
        request_id=problem.get("request_id", ""),
        home=current_app.config["APPLICATION_ROOT"],
    )
