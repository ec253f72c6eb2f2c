"""``decant shell``: Python with the application in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from decant.cli.chosen import EVERYTHING, choose, flask_app, service_options

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session

    from decant.service import Runtime


@click.command(
    "shell",
    short_help="Open Python with the application in it.",
    help="""Open Python with an application context of SERVICE, by default of every module in one process.

    \b
    In scope:
      app, runtime      the Flask application and its runtime
      books, reviews    a client of each contract, named like it
      session(module)   with session("books") as db: … commits at the end of the block

    \b
    Examples:
      decant shell
      decant shell -c 'print(books.get_book("1"))'
    """,
)
@service_options
@click.option("-c", "code", help="Run this and exit.")
def command(service: str | None, topology: str | None, config: str, code: str | None) -> None:
    app = flask_app(choose(service or EVERYTHING, topology, config).target)
    with app.app_context():
        scope = scope_of(app)
        if code is not None:
            exec(compile(code, "<command>", "exec"), scope)  # noqa: S102 - what a shell is for
        else:
            _interact(scope)


def scope_of(app: Flask) -> dict[str, Any]:
    """Return the names that a shell begins with."""
    scope: dict[str, Any] = {"app": app}
    runtime = app.extensions.get("decant")
    if runtime is None:
        return scope
    scope |= {"runtime": runtime, "session": session_factory(runtime)}
    for contract in runtime.wiring.contracts:
        scope[contract.__name__] = contract
        scope.setdefault(snake(contract.__name__), runtime.client(contract))
    return scope


def session_factory(runtime: Runtime) -> Callable[[str], AbstractContextManager[Session]]:
    """Return ``session(module)``: a module's database session for the length of a block."""

    @contextmanager
    def session(module: str) -> Iterator[Session]:
        from sqlalchemy.orm import Session

        with runtime.registry(module).open() as scope:
            yield scope.get(Session)

    return session


def snake(name: str) -> str:
    """Return ``PriceList`` as ``price_list``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _interact(scope: dict[str, Any]) -> None:
    shown = ", ".join(sorted(name for name in scope if not name.startswith("_")))
    if find_spec("IPython") is not None:
        import_module("IPython").start_ipython(argv=[], user_ns=scope)
        return
    import code

    _complete(scope)
    code.interact(banner=f"In scope: {shown}", local=scope, exitmsg="")


def _complete(scope: dict[str, Any]) -> None:
    """Complete names with TAB where the terminal can."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(scope).complete)
    readline.parse_and_bind("tab: complete")
