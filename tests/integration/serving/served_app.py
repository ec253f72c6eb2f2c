"""A small Flask application that the serving tests start, with every kind of request that matters to a server."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, current_app, jsonify, request

from decant.serving.draining import draining
from decant.serving.streams import Message, stream_response


class Background:
    """Background work that leaves a trace of its life in a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._over.wait, daemon=True)

    def _note(self, word: str) -> None:
        with Path(self._path).open("a") as file:
            file.write(f"{word} {os.getpid()}\n")

    def start(self, *, work: bool = True) -> None:
        self._note("start" if work else "start without work")
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        self._over.set()
        self._thread.join(grace_s)
        self._note("stop")


def create_app() -> Flask:
    if os.environ.get("SERVED_APP_BROKEN"):
        raise RuntimeError("the application is broken on purpose")
    app = Flask(__name__)
    if path := os.environ.get("SERVED_APP_BACKGROUND"):
        app.extensions["decant"] = Background(path)

    @app.get("/fast")
    def fast() -> Response:
        return jsonify(pid=os.getpid(), parent=os.getppid())

    @app.get("/slow")
    def slow() -> Response:
        time.sleep(float(request.args["seconds"]))
        return jsonify(pid=os.getpid())

    @app.get("/environ")
    def environ() -> Response:
        return jsonify(dict(os.environ))

    @app.get("/health/ready")
    def ready() -> tuple[Response, int]:
        over = draining(current_app._get_current_object()).is_set()
        return jsonify(ready=not over), 503 if over else 200

    add_bodies(app)
    add_streams(app)
    return app


def add_bodies(app: Flask) -> None:
    @app.post("/length")
    def length() -> Response:
        return jsonify(length=len(request.get_data()))

    @app.get("/large")
    def large() -> Response:
        return Response(b"x" * 5_000_000, mimetype="application/octet-stream")


def add_streams(app: Flask) -> None:
    @app.get("/stream")
    def stream() -> Response:
        def ticks() -> Iterator[Message | None]:
            for number in range(10_000):
                yield Message(number, id=str(number))
                yield None

        return stream_response(ticks(), every_s=0.2)

    @app.get("/quiet")
    def quiet() -> Response:
        def nothing() -> Iterator[None]:
            while True:
                yield None

        return stream_response(nothing(), every_s=0.05, heartbeat_s=0.2)


app = create_app()
