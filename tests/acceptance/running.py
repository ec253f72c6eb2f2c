"""A workspace that really runs: one process per service, each asked over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import requests

from decant.auth import generate_key

BOOKCLUB = Path(__file__).parents[2] / "examples" / "bookclub"
STORE = Path(__file__).parents[2] / "examples" / "store"
READY_S = 30.0
STOP_S = 15.0


@dataclass
class Running:
    """The services of one topology and where each answers."""

    topology: str
    home: Path
    urls: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def output(self, service: str) -> str:
        """Return what a service has printed so far."""
        return (self.home / f"{service}.log").read_text(errors="replace")


def copy_workspace(source: Path, target: Path, topology: str) -> Path:
    """Copy an example, and change the one line that pours it into other processes."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".decant", "__pycache__"))
    config = target / "decant.toml"
    lines = [
        f'topology = "{topology}"' if line.startswith("topology") else line for line in config.read_text().splitlines()
    ]
    config.write_text("\n".join(lines) + "\n")
    return target


def prepare(workspace: Path, env: Mapping[str, str] | None = None) -> None:
    """Migrate and seed the databases, as ``make up`` does."""
    log = workspace / "prepare.log"
    for verb in ("upgrade", "seed"):
        done = start(workspace, ["db", verb], environment(workspace / ".decant", env or {}), log)
        assert done.wait(60) == 0, log.read_text()


@contextmanager
def running(
    workspace: Path, services: list[str], *, topology: str, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Start services with ``decant serve``, wait until all are ready, and stop them by SIGTERM at the end."""
    home = workspace / ".decant"
    home.mkdir(exist_ok=True)
    made = Running(topology, home)
    ports = {service: free_port() for service in services}
    made.urls = {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}
    environ = environment(
        home, {f"{name.upper()}_SERVICE_URL": url for name, url in made.urls.items()} | dict(env or {})
    )
    try:
        for service, port in ports.items():
            made.processes[service] = start(
                workspace, ["serve", service, "--bind", f"127.0.0.1:{port}"], environ, home / f"{service}.log"
            )
        for service, url in made.urls.items():
            wait_ready(made, service, url)
        yield made
    finally:
        stop(made)


def environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a test process: nobody's own settings leak in."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DECANT_", "OTEL_", "FLASK_"))}
    return {**kept, "DECANT_HOME": str(home), "DECANT_SERVICE_KEY": service_key(), "PYTHONUNBUFFERED": "1", **extra}


@cache
def service_key() -> str:
    """Return the key that signs calls between services, which ``decant serve`` does not make by itself."""
    return generate_key().decode()


def start(workspace: Path, arguments: list[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start ``decant`` in a workspace, in a process group of its own."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("decant")), *arguments],
            cwd=workspace, env=dict(environ), stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def wait_ready(made: Running, service: str, url: str) -> None:
    """Wait until a service says that it is ready; fail at once, with its output, when it has ended."""

    def ready() -> bool:
        if made.processes[service].poll() is not None:
            raise AssertionError(f"{service} ended before it was ready:\n{made.output(service)}")
        try:
            return requests.get(f"{url}/health/ready", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    until(ready, READY_S, lambda: f"{service} is not ready:\n{made.output(service)}")


def stop(made: Running) -> None:
    """Stop every process by SIGTERM, and by SIGKILL what is still there at the end of its grace time."""
    for process in made.processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in made.processes.values():
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
            raise


def until(condition: Callable[[], Any], seconds: float, seen: Callable[[], str]) -> Any:
    """Wait for a condition; say what was seen when it does not come."""
    ends = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > ends:
            raise AssertionError(f"waited {seconds:g} s in vain: {seen()}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


COMPARED = (
    "Content-Type", "Location", "ETag", "Allow", "WWW-Authenticate", "Retry-After", "Cache-Control", "Vary", "Link",
)  # fmt: skip


def public_answer(response: requests.Response, known: Mapping[str, str]) -> dict[str, Any]:
    """Return what must be the same in every topology: status, the compared headers, the body.

    Args:
        response: The answer.
        known: Ids that differ from run to run, and the names to put in their place.
    """
    body = response.text
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem = response.json()
        told = {name: value for name, value in problem.items() if name not in ("trace_id", "request_id", "failure")}
        body = json.dumps(told, sort_keys=True)
    answer = {
        "status": response.status_code,
        "headers": {name: response.headers[name] for name in COMPARED if name in response.headers},
        "body": body,
    }
    result: dict[str, Any] = json.loads(named(json.dumps(answer), known))
    if named(body, known) != body or "/static/" in response.url:  # made of an id, or of the file's own path
        result["headers"].pop("ETag", None)
    return result


def named(text: str, known: Mapping[str, str]) -> str:
    """Return a text with names in place of known ids."""
    for value, name in known.items():
        text = text.replace(value, name)
    return text
