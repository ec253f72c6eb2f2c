"""An application with the kit, whose answers name the worker that gave them."""

import os

from flask import Flask

from decant.kit import Kit
from decant.observe.metrics import gauge

app = Flask("counting")
Kit(app)


@app.get("/pid")
def pid() -> dict[str, int]:
    gauge("test_busy_workers", "Workers that have answered.").set(1)
    return {"pid": os.getpid()}
