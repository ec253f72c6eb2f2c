"""The proxy as a process: it says where it listens, tells what it did, and ends on SIGTERM."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import requests
from flask import Flask

from tests.support.served import serving

COMMAND = [sys.executable, "-m", "decant_tools.faultproxy"]


def test_it_listens_tells_and_ends() -> None:
    app = Flask("service")
    app.get("/thing")(lambda: "here")
    with serving(app) as url:
        to = url.removeprefix("http://")
        arguments = ["--to", to, "--profile", "duplicate=1", "--seed", "3", "--control", "127.0.0.1:0"]
        with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            where = json.loads(process.stdout.readline())
            assert requests.get(f"http://{where['listening']}/thing", timeout=10).text == "here"
            told: Any = requests.get(f"http://{where['control']}/", timeout=10).json()
            process.terminate()
            rest = process.stdout.read()
            assert process.wait(10) == 0
    assert told["faults"] == {"duplicate": 1}
    last = json.loads(rest.splitlines()[-1])
    assert last.items() >= told.items()
    assert (last["logger"], last["message"]) == ("decant.faultproxy", "1 requests: 1 duplicate")


def refused(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def test_mistakes_are_told_in_a_sentence() -> None:
    assert "Did you mean 'chaos'?" in refused("--to", "127.0.0.1:1", "--profile", "caos")
    assert "'nowhere' is no address" in refused("--to", "nowhere")
