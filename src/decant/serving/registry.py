"""The servers by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from decant.errors import SetupError
from decant.serving.base import Server

SERVERS: Final[Mapping[str, str]] = {
    "granian": "decant.serving.granian:GranianServer",
    "gunicorn": "decant.serving.gunicorn:GunicornServer",
    "gevent": "decant.serving.gunicorn:GeventServer",
    "werkzeug": "decant.serving.werkzeug_dev:WerkzeugServer",
}
"""Name to class; imported when it is asked for."""

PRODUCTION: Final = ("granian", "gunicorn", "gevent")


def server_named(name: str) -> Server:
    """Return the driver of a server.

    Raises:
        SetupError: For a name that is not known.
    """
    path = SERVERS.get(name)
    if path is None:
        near = get_close_matches(name, SERVERS, 1)
        meant = f" Did you mean `{near[0]}`?" if near else ""
        raise SetupError(f"There is no server `{name}`.{meant}", hint=f"Servers: {', '.join(SERVERS)}.")
    module, _, attribute = path.partition(":")
    driver: type[Server] = getattr(importlib.import_module(module), attribute)
    return driver()
