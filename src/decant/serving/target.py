"""What is served: a service of a workspace, or any WSGI application by its import string.

``flask --app``, gunicorn and granian all take ``decant.serving.target:create()`` and read the same environment:
``DECANT_CONFIG``, ``DECANT_SERVICE`` and ``DECANT_TOPOLOGY``.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from decant.errors import SetupError

if TYPE_CHECKING:
    from flask import Flask

CONFIG = "decant.toml"


@dataclass(frozen=True, slots=True)
class Target:
    """An application that can be built in another process.

    Attributes:
        service: The service's name; None for the topology's only one.
        topology: The topology's name; None for the workspace's default.
        config: The path of ``decant.toml``.
        application: ``package.module:name`` of a foreign application or its factory (``…:name()``), instead of a
            service.
    """

    service: str | None = None
    topology: str | None = None
    config: str = CONFIG
    application: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the target that ``DECANT_SERVICE``, ``DECANT_TOPOLOGY`` and ``DECANT_CONFIG`` name."""
        return cls(
            service=environ.get("DECANT_SERVICE") or None,
            topology=environ.get("DECANT_TOPOLOGY") or None,
            config=environ.get("DECANT_CONFIG") or CONFIG,
        )

    @property
    def label(self) -> str:
        """What to call it in a line for people."""
        return self.application or self.service or self.topology or "the application"

    def environ(self) -> dict[str, str]:
        """Return the variables that name this target to a process of its own."""
        named = {"DECANT_SERVICE": self.service, "DECANT_TOPOLOGY": self.topology, "DECANT_CONFIG": self.config}
        return {name: value for name, value in named.items() if value}

    def load(self) -> Callable[..., Any]:
        """Build the application, here and now.

        Raises:
            SetupError: When the import string does not lead to an application.
        """
        if self.application is not None:
            return load_application(self.application)
        return create(self.service, self.topology, self.config)


def create(service: str | None = None, topology: str | None = None, config: str | None = None) -> Flask:
    """Build one service of the workspace: what a WSGI server is pointed at.

    Args:
        service: The service's name, else ``DECANT_SERVICE``.
        topology: The topology's name, else ``DECANT_TOPOLOGY``.
        config: The path of ``decant.toml``, else ``DECANT_CONFIG``.
    """
    from decant.service import create_app

    given = Target.from_environ(os.environ)
    return create_app(service or given.service, topology or given.topology, config or given.config)


def load_application(path: str) -> Callable[..., Any]:
    """Return the application at ``package.module:name``; ``name()`` is called as a factory.

    Without a name, ``app`` and then ``application`` are looked for. The current folder can be imported from.

    Raises:
        SetupError: When the module or the name does not exist. An error inside the module passes through.
    """
    module_name, _, name = path.partition(":")
    here = str(Path.cwd())
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise SetupError(
            f"There is no module `{error.name}` to import `{path}` from.",
            hint=f"Start from the folder that holds it; the current one is {here}.",
        ) from error
    return _find(module, name, path)


def _find(module: Any, name: str, path: str) -> Callable[..., Any]:
    factory = name.endswith("()")
    for candidate in [name.removesuffix("()")] if name else ["app", "application"]:
        found = getattr(module, candidate, None)
        if callable(found):
            made: Callable[..., Any] = found() if factory else found
            return made
    raise SetupError(
        f"`{path}` does not lead to a WSGI application.",
        hint="Name it as package.module:app, or package.module:create_app() for a factory.",
    )
