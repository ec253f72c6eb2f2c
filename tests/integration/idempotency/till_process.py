"""The till as a process of its own, to be killed.

Run as ``python -m tests.integration.idempotency.till_process URL HOME LEASE_S``; it prints its port when it answers.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flask import Flask
from werkzeug.serving import make_server

from decant import init_app
from decant.db import create_infrastructure
from decant.idempotency import IdempotentCalls
from decant.service import Runtime
from decant.service.plan import CallMode
from tests.support import desk, till
from tests.support.till.models import Base

DEADLINE_S = 30.0


def make_till(
    url: str, home: Path, mode: CallMode = "direct", *, deadline_s: float = DEADLINE_S
) -> tuple[Flask, Runtime]:
    """Return an application with the till and the desk, its tables made."""
    app = Flask("till", root_path=str(home))
    environ = {"DATABASE_URL": url, "DECANT_HOME": str(home), "DECANT_CALLS_DEADLINE_S": str(deadline_s)}
    environ["JWT_SECRET_KEY"] = "a secret of the till, and of nobody else"
    runtime = init_app(app, [till.module, desk.module], mode=mode, environ=environ)
    with runtime.databases["till"].engine.begin() as connection:
        create_infrastructure(connection, "till")
        Base.metadata.create_all(connection)
    return app, runtime


def main(url: str, home: str, lease_s: str) -> None:
    app, runtime = make_till(url, Path(home))
    calls: IdempotentCalls = runtime.registry("till").getter(IdempotentCalls)(runtime.registry("till").open())
    calls.margin_s = float(lease_s) - DEADLINE_S  # a lease shorter than the deadline: nobody waits for half a minute
    server = make_server("127.0.0.1", 0, app, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # nobody reads the log from here on, and a full pipe would stop everything
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
