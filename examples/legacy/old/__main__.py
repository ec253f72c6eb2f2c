"""Starts the old application: ``python -m old``, on ``PORT`` (9000)."""

import os

from old.app import create_app

if __name__ == "__main__":
    create_app().run(host="127.0.0.1", port=int(os.environ.get("PORT", "9000")), threaded=True)
