"""Static files: a module's own folder, then the folders that every service ships with."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, current_app, send_from_directory
from werkzeug.exceptions import NotFound

if TYPE_CHECKING:
    from flask import Response

_EXTENSION = "decant.static"


def send_first(folders: Iterable[str | os.PathLike[str]], filename: str, max_age: int | None) -> Response:
    """Answer with a file of the first folder that has it.

    Args:
        folders: Absolute paths, in order of precedence.
        filename: Relative to a folder; one that would leave it is not found.
        max_age: Seconds a browser may keep it, or None.

    Raises:
        NotFound: When no folder has it.
    """
    for folder in folders:
        try:
            return send_from_directory(folder, filename, max_age=max_age)
        except NotFound:
            continue
    raise NotFound


def shared_folder(app: Flask) -> list[Path]:
    """Return the workspace's static folder, as a list of one or none."""
    shared: Path | None = app.extensions.get(_EXTENSION)
    return [] if shared is None else [shared]


def root_folders(app: Flask) -> list[str | Path]:
    """Return the folders behind ``/static``: the application's own, then the workspace's."""
    own = [] if app.static_folder is None else [app.static_folder]
    return [*own, *shared_folder(app)]


def install_static(app: Flask, shared: Path | None) -> None:
    """Serve the workspace's static folder at ``/static``, after the application's own.

    The modules look in the workspace's too, after their own, whenever they are registered.

    Args:
        app: A plain Flask application.
        shared: The workspace's ``static/`` folder, or None without one.
    """
    if shared is None:
        return
    app.extensions[_EXTENSION] = shared.resolve()
    if "static" in app.view_functions:
        app.view_functions["static"] = _serve_shared
    else:
        app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=_serve_shared)


def _serve_shared(filename: str) -> Response:
    return send_first(root_folders(current_app), filename, current_app.get_send_file_max_age(filename))
