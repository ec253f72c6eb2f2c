"""A small application that calls another address while it answers."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from decant.errors import DecantError
from decant.rpc.transports import transport_named

app = Flask(__name__)
TRANSPORT = transport_named()


@app.get("/fast")
def fast() -> ResponseReturnValue:
    return jsonify(transport=TRANSPORT.name)


@app.get("/call")
def call() -> ResponseReturnValue:
    return TRANSPORT.send("GET", request.args["url"], {}, None, timeout_s=20).body


@app.get("/named/<name>")
def named(name: str) -> ResponseReturnValue:
    try:
        return jsonify(transport=transport_named(name).name)
    except DecantError as error:
        return jsonify(error=type(error).__name__, detail=error.detail), 500
