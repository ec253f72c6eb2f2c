"""Follow a page of the documentation to the letter: write its files, start its servers, run its commands.

What a fenced block says behind its language decides what is done with it:

- ``title="path"``: the file is written.
- ``title="path" change``: the line of the file that begins with the same key is replaced; servers are stopped first.
- ``console server=name:port``: the command is started, and stays until the next change or the end.
- ``console``: each ``$ command`` is run; the lines below it are what it must print, ``...`` stands for anything.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.acceptance.running import environment, free_port, until

FENCE = re.compile(r"^```(?P<language>\w+)(?P<rest>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
READY_S = 30


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    rest: str
    body: str

    @property
    def title(self) -> str | None:
        found = re.search(r'title="([^"]+)"', self.rest)
        return found[1] if found else None

    @property
    def server(self) -> tuple[str, int] | None:
        found = re.search(r"server=([\w-]+):(\d+)", self.rest)
        return (found[1], int(found[2])) if found else None

    @property
    def is_change(self) -> bool:
        return self.rest.rstrip().endswith("change")


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    for found in FENCE.finditer(page.read_text()):
        yield Block(found["language"], found["rest"], found["body"])


@dataclass
class Walk:
    """A reader who follows a page in an empty folder."""

    folder: Path
    ports: dict[int, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    servers: list[tuple[subprocess.Popen[bytes], Path]] = field(default_factory=list)
    commands: int = 0

    def follow(self, page: Path) -> None:
        """Do what a page says; stop every server at the end."""
        found = list(blocks(page))
        for block in found:
            if block.server:
                name, port = block.server
                self.ports[port] = free_port()
                self.addresses[f"{name.upper()}_SERVICE_URL"] = f"http://127.0.0.1:{self.ports[port]}"
        try:
            for block in found:
                self.do(block)
        finally:
            self.stop()

    def do(self, block: Block) -> None:
        if block.title and block.is_change:
            self.stop()
            self.change(self.folder / block.title, block.body)
        elif block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body)
        elif block.language == "console" and block.server:
            self.start(*block.server, block.body)
        elif block.language == "console":
            self.run(block.body)

    def change(self, path: Path, body: str) -> None:
        key = body.split("=", 1)[0].rstrip()
        lines = path.read_text().splitlines()
        assert any(line.startswith(key) for line in lines), f"{path} has no line that begins with {key!r}"
        path.write_text("\n".join(body.rstrip() if line.startswith(key) else line for line in lines) + "\n")

    def environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return environment(self.folder / ".decant", {**self.addresses, "PATH": path})

    def start(self, name: str, port: int, body: str) -> None:
        """Start a server on a port that is free here, and wait until it answers."""
        log = self.folder / f"{name}-{port}.log"
        argv = [*shlex.split(body.strip().removeprefix("$ ")), "--port", str(self.ports[port])]
        with log.open("wb") as out:
            process = subprocess.Popen(
                argv, cwd=self.folder, env=self.environ(), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        self.servers.append((process, log))

        def ready() -> bool:
            assert process.poll() is None, f"{argv} ended:\n{log.read_text()}"
            try:
                return requests.get(f"http://127.0.0.1:{self.ports[port]}/health/live", timeout=1).ok
            except requests.RequestException:
                return False

        until(ready, READY_S, lambda: f"{argv} does not answer:\n{log.read_text()}")

    def run(self, body: str) -> None:
        """Run commands, and hold what they print against what the page shows."""
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            for documented, real in self.ports.items():
                command = command.replace(f"127.0.0.1:{documented}", f"127.0.0.1:{real}")
            done = subprocess.run(
                command, shell=True, cwd=self.folder, env=self.environ(), capture_output=True, text=True, timeout=60,
                check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
            if expected.strip():
                pattern = ".*".join(re.escape(piece) for piece in expected.strip().split("..."))
                assert re.fullmatch(pattern, done.stdout.strip(), re.DOTALL), f"$ {command}\n{done.stdout}"
            self.commands += 1

    def stop(self) -> None:
        """Stop every server as Ctrl-C does."""
        for process, log in self.servers:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
                raise AssertionError(f"a server did not stop:\n{log.read_text()}") from None
        self.servers.clear()
