"""What the gateway tells a service about a request: the whole workspace's answer, where the service knows a part.

The gateway alone knows the routes of all services. Where nothing answers a path, or not by this method, it asks the
service that has the pages for the page of the error; and what ``OPTIONS`` lists is what all services together allow.
It says so in a header that it takes from nobody:

==================================== =========================================================
``Decant-Edge: 404``                  no service answers this path
``Decant-Edge: 405 GET, HEAD``        services answer it, by these methods
``Decant-Edge: 200 GET, HEAD``        the methods that an automatic answer to OPTIONS lists
==================================== =========================================================

Only a service that is not at the public address itself believes it (:class:`~decant.service.internal.InternalCalls`),
and where ``DECANT_TRUSTED_PROXIES`` names the gateway's address, it believes nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.exceptions import MethodNotAllowed

from decant.kit.requests import ASKED_PATH

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask import Response

NOWHERE = "/-"
"""A path that no route has: where requests go that must not be answered."""

_HEADER = "HTTP_DECANT_EDGE"
_SAID = "decant.edge"


def mark_for_edge(environ: WSGIEnvironment) -> None:
    """Lead a request that the gateway knows to be lost past all routes of the service."""
    said = environ.get(_HEADER)
    if said is None:
        return
    status, _, methods = said.partition(" ")
    environ[_SAID] = status, methods
    if status in ("404", "405"):
        environ[ASKED_PATH] = environ.get("PATH_INFO", "")
        environ["PATH_INFO"] = NOWHERE


def obey_edge(app: Flask) -> None:
    """Let a service answer as the gateway says; before its modules are mounted, whose hooks look at the path."""

    def restore() -> None:
        asked = request.environ.get(ASKED_PATH)
        if asked is not None:
            request.path = f"/{asked.encode('latin-1').decode('utf-8', 'replace').lstrip('/')}"

    def allow(response: Response) -> Response:
        said: Any = request.environ.get(_SAID)
        if said is not None and said[0] == "200" and request.method == "OPTIONS" and "Allow" in response.headers:
            response.headers["Allow"] = said[1]
        return response

    app.before_request(restore)
    app.after_request(allow)


def refuse_for_edge(app: Flask) -> None:
    """Refuse methods that no service has; after the hooks of all modules, which may add to any error."""

    def refuse() -> None:
        said: Any = request.environ.get(_SAID)
        if said is not None and said[0] == "405":
            raise MethodNotAllowed(valid_methods=said[1].split(", "))

    app.before_request(refuse)
