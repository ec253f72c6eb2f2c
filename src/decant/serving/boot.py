"""The server's own process: ``python -m decant.serving.boot SERVER OPTIONS``.

A process of its own, because glibc reads its ``MALLOC_*`` settings when a process starts, and because gevent has to
patch the standard library before anything else imports it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from decant.errors import DecantError, MissingExtra
from decant.home import ensure_home
from decant.serving.base import ServeOptions, Server
from decant.serving.ports import claim_port
from decant.serving.process import MALLOC, children_environ, obey_parent
from decant.serving.registry import server_named
from decant.serving.sockets import address_of, take_over
from decant.serving.target import Target
from decant.serving.worker import report

if TYPE_CHECKING:
    from decant.observe.logging.setup import Format


def command(server: Server, options: ServeOptions) -> list[str]:
    """Return the command line of a server's own process."""
    return [sys.executable, "-m", "decant.serving.boot", server.name, options.to_json()]


def environ_of(target: Target, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server's own process; what is set already stays as it is."""
    settings = {**MALLOC, **target.environ()}
    given = {name: value for name, value in settings.items() if name not in inherited or name.startswith("DECANT_")}
    return children_environ(inherited, **given)


def replace_process(server: Server, options: ServeOptions) -> NoReturn:
    """Become the server: this process keeps its pid and its place under its supervisor."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(  # noqa: S606 - no shell is wanted
        sys.executable, command(server, options), environ_of(options.target, os.environ)
    )


def main(argv: list[str]) -> int:
    """Run a server until it is told to stop."""
    name, options = argv[0], ServeOptions.from_json(argv[1])
    if name == "gevent":
        from gevent import monkey

        monkey.patch_all()
    try:
        options = _with_socket(options)
        server = server_named(name)
        server.check(options)
        with _claimed(options):
            _set_up(options)
            return server.run(options)
    except DecantError as error:
        report(error)
        return 6 if isinstance(error, MissingExtra) else int(getattr(error, "exit_code", 3))


def _with_socket(options: ServeOptions) -> ServeOptions:
    """Return the options with the socket that this process was started with: who did so chose the address already."""
    listener = take_over(os.environ)
    if listener is None:
        return options
    host, port = address_of(listener)
    return replace(options, host=host, port=port, listen_fd=listener.detach())


def _claimed(options: ServeOptions) -> AbstractContextManager[object]:
    """Claim the port, unless the process came with a socket that has it."""
    if options.listen_fd is None:
        return claim_port(options.host, options.port)
    os.set_inheritable(options.listen_fd, False)
    return nullcontext()


def _set_up(options: ServeOptions) -> None:
    """Prepare what all workers share: their metrics, and the format of the server's own log lines."""
    if options.workers > 1:
        from decant.observe.multiprocess import prepare_multiprocess

        home = os.environ.get("DECANT_HOME") or Path(options.target.config).absolute().parent / ".decant"
        prepare_multiprocess(ensure_home(Path(home)), re.sub("[^A-Za-z0-9_.-]", "-", options.target.label))
    if options.target.application is None:  # a foreign application has ideas of its own about logs
        from decant.observe.logging import configure

        chosen = os.environ.get("DECANT_LOG_FORMAT", "auto")
        configure(format=cast("Format", chosen), service=options.target.label)


if __name__ == "__main__":
    obey_parent(os.environ)
    sys.exit(main(sys.argv[1:]))
