"""Runs the payment provider: a program and a ledger of its own, the only judge of what was charged.

python -m provider --port 8300 --ledger provider.sqlite3
"""

from __future__ import annotations

import argparse
import base64
import os
import signal
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from provider.app import create_provider
from provider.ledger import Ledger


class KeepAlive(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about requests that are answered."""


def main() -> None:
    parser = argparse.ArgumentParser(description="A payment provider to try the shop with.")
    parser.add_argument("--port", type=int, default=8300)
    parser.add_argument("--ledger", type=Path, default=Path("provider.sqlite3"))
    parser.add_argument("--hang-s", type=float, default=10.0)
    given = parser.parse_args()
    secret = os.environ.get("PAYMENTS_WEBHOOK_SECRET") or os.environ.get("PROVIDER_SERVICE_SECRET") or ""
    app = create_provider(
        Ledger(given.ledger), secret=base64.b64decode(secret.removeprefix("whsec_")), hang_s=given.hang_s
    )
    server = make_server("127.0.0.1", given.port, app, threaded=True, request_handler=KeepAlive)
    server.daemon_threads = True  # type: ignore[attr-defined] - it is a ThreadingMixIn

    def stop(number: int, frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever()


if __name__ == "__main__":
    main()
