"""Starts the old application: ``python -m old --port 9000``; ``PORT`` says it too."""

import argparse
import os

from old.app import create_app

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m old")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "9000")))
    create_app().run(host="127.0.0.1", port=parser.parse_args().port, threaded=True)
