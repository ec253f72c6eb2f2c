"""A small workspace that ``decant up`` runs for real: two modules, and foreign commands that are a few lines long."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.support.waiting import wait_until

DECANT = str(Path(sys.executable).with_name("decant"))
PATIENCE_S = 120.0
"""Everything else may run on the same cores."""

HEAD = """
[workspace]
name = "shop"
"""

TOPOLOGIES = """
modules = "shop"
topology = "{topology}"
[topologies.services]
"*" = "each"
[topologies.monolith]
shop = ["*"]
"""

MODULE = '''
"""A module."""
from decant import Module

module = Module(__name__)
'''

SERVER = '''
"""Answers every request with its own pid."""
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())

    def log_message(self, *arguments):
        pass

print("listening on", os.environ["PORT"], flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''


def write_shop(
    root: Path, *, topology: str = "services", services: str = "", modules: tuple[str, ...] = ("cart", "web")
) -> Path:
    """Write a workspace; ``services`` are more lines of its ``decant.toml``."""
    root.mkdir(parents=True, exist_ok=True)
    head = HEAD + (TOPOLOGIES.format(topology=topology) if modules else "")
    (root / "decant.toml").write_text(head + dedent(services))
    (root / "server.py").write_text(SERVER)
    for module in modules:
        write_module(root, module)
        (root / "shop" / "__init__.py").touch()
    return root


def write_module(root: Path, module: str, *, version: str = "1", imports: str = "") -> None:
    """Write a module that answers ``/<module>/version``."""
    folder = root / "shop" / module
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "__init__.py").exists():
        (folder / "__init__.py").write_text(MODULE)
    (folder / "urls.py").write_text(
        f"from decant import url\n{imports}\n\n"
        f"def version():\n    return {version!r}\n\n"
        f"urlpatterns = [url('/{module}/version', view_func=version)]\n"
    )


@dataclass
class Workspace:
    """A workspace and the commands that act on it.

    Attributes:
        root: Its folder.
        env: Added to the environment of every command.
    """

    root: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DECANT_", "OTEL_", "FLASK_"))
        }
        return {**kept, "NO_COLOR": "1", "DECANT_HOME": str(self.root / ".decant"), **self.env}

    def run(self, *arguments: str, within_s: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Run ``decant`` to its end."""
        return subprocess.run(
            [DECANT, *arguments], cwd=self.root, env=self.environ(), timeout=within_s, text=True,
            capture_output=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def json(self, *arguments: str) -> dict[str, Any]:
        """Return the document of a command that succeeds."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        assert document["schema"] == 1
        return document

    def up(self, *arguments: str) -> dict[str, Any]:
        """Start it in the background and return what runs."""
        return self.json("up", "-d", "--timeout", f"{PATIENCE_S:g}", *arguments)

    def down(self) -> None:
        done = self.run("down")
        assert done.returncode == 0, done.stderr

    def service(self, name: str) -> dict[str, Any]:
        """Return what ``decant ps`` says of a service."""
        return next(each for each in self.json("ps")["services"] if each["name"] == name)

    def foreground(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``decant up`` as in a terminal; its output is in ``up.log``."""
        with (self.root / "up.log").open("wb") as output:
            return subprocess.Popen(
                [DECANT, "up", *arguments], cwd=self.root, env=self.environ(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, text=True, process_group=0,
            )  # fmt: skip

    def said(self) -> str:
        """Return what :meth:`foreground` has printed so far."""
        return (self.root / "up.log").read_text()

    def wait_said(self, text: str) -> None:
        wait_until(lambda: text in self.said(), within_s=PATIENCE_S, what=f"{text!r} from decant up, in {self.root}")


def get(url: str) -> str:
    """Return what an address answers."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def is_alive(pid: int) -> bool:
    """Return whether a process runs: not gone, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def left_of(home: Path) -> list[int]:
    """Return the processes that belong to a home: they have it in their environment."""
    wanted = f"DECANT_HOME={home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return [pid for pid in found if is_alive(pid)]


def kill_all(home: Path) -> None:
    """End whatever a failed test left: every process that has the test's own home in its environment."""
    for pid in left_of(home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
