"""Follow a page of the documentation to the letter: write its files, start its servers, run its commands.

What a fenced block says behind its language decides what is done with it: see :mod:`tests.docs.blocks`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import requests

from tests.acceptance.running import environment, free_port, until
from tests.docs.blocks import Block, blocks, commands, folder_of, missing_from, page_before, ports_of

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30
COMMAND_S = 120
OF_A_CI = {"CI", "GITHUB_BASE_REF", "GITHUB_EVENT_PATH", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"}
"""A reader sits at a terminal: commands that ask whether they run in a CI answer otherwise there."""


@dataclass
class Walk:
    """A reader who follows a page in a folder of its own.

    Attributes:
        folder: The folder; empty, or a copy of what the page names.
        ports: The ports that the page shows, and those that are used in their place.
        written_ports: Those of the page that are written in its sources.
        addresses: Where each service of the page answers, as environment names.
        servers: What was started, and where it logs.
        written: The Python files, in the order of the page.
        commands: How many commands were run.
        is_up: Whether ``decant up`` runs in the folder.
    """

    folder: Path
    ports: dict[int, int] = field(default_factory=dict)
    written_ports: set[int] = field(default_factory=set)
    addresses: dict[str, str] = field(default_factory=dict)
    servers: list[tuple[subprocess.Popen[bytes], Path]] = field(default_factory=list)
    written: dict[str, None] = field(default_factory=dict)
    commands: int = 0
    is_up: bool = False

    def follow(self, page: Path) -> None:
        """Do what a page says; stop every server at the end."""
        text = page.read_text()
        self.prepare(folder_of(text))
        self.move(ports_of(text))
        self.catch_up(page, page_before(text))
        found = list(blocks(text))
        for block in found:
            if address := block.server or block.nobody:
                self.reserve(*address)
        try:
            for block in found:
                try:
                    self.do(block)
                except (AssertionError, ValueError) as error:
                    raise AssertionError(f"{page.name}:{block.line}: {error}") from error
        finally:
            self.stop()
        self.import_all()

    def prepare(self, source: str | None) -> None:
        if source is not None:
            unwanted = shutil.ignore_patterns(".decant", "__pycache__")
            shutil.copytree(ROOT / source, self.folder, dirs_exist_ok=True, ignore=unwanted)

    def move(self, ports: Sequence[int]) -> None:
        """Write ports that are free here in place of those in the copied sources."""
        for port in ports:
            self.ports[port] = free_port()
            self.written_ports.add(port)
            for path in self.folder.rglob("*.py"):
                path.write_text(path.read_text().replace(f"port={port}", f"port={self.ports[port]}"))

    def catch_up(self, page: Path, before: str | None) -> None:
        """Do what the page before says, as far as its first server."""
        if before is None:
            return
        text = (page.parent / before).read_text()
        self.catch_up(page, page_before(text))
        for block in takewhile(lambda block: not block.server, blocks(text)):
            self.do(block)

    def reserve(self, name: str, port: int) -> None:
        """Choose a free port in place of the one that the page shows."""
        if port not in self.ports:
            self.ports[port] = free_port()
        self.addresses[f"{name.upper()}_SERVICE_URL"] = f"http://127.0.0.1:{self.ports[port]}"

    def do(self, block: Block) -> None:
        if block.title and block.is_change:
            self.stop()
            self.change(self.folder / block.title, block.body)
        elif block.title:
            self.write(block.title, block.body)
        elif block.source:
            missing = missing_from(block.body, (ROOT / block.source).read_text())
            assert missing is None, f"{block.source} has not:\n{missing}"
        elif block.language == "console" and block.server:
            self.start(*block.server, block.body)
        elif block.language == "console" and block.up:
            self.bring_up(block.up, block.body)
        elif block.language == "console":
            self.run(block.body, block.exit_code)
        elif block.language == "python":
            self.run_python(block.body)
        elif block.language in {"toml", "json"}:
            (tomllib.loads if block.language == "toml" else json.loads)(block.body)

    def write(self, title: str, body: str) -> None:
        path = (self.folder / title).resolve()
        assert path.is_relative_to(self.folder.resolve()), f"{title} is outside of the page's folder"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
        if path.suffix == ".py" and all(part.isidentifier() for part in Path(title).with_suffix("").parts):
            self.written[title] = None

    def change(self, path: Path, body: str) -> None:
        key = body.split("=", 1)[0].rstrip()
        lines = path.read_text().splitlines()
        assert any(line.startswith(key) for line in lines), f"{path} has no line that begins with {key!r}"
        path.write_text("\n".join(body.rstrip() if line.startswith(key) else line for line in lines) + "\n")

    def environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = environment(self.folder / ".decant", {**self.addresses, "PATH": path, "COLUMNS": "120"})
        del environ["DECANT_SERVICE_KEY"]  # no reader has one
        return {name: value for name, value in environ.items() if name not in OF_A_CI}

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
                requests.get(f"http://127.0.0.1:{self.ports[port]}/health/live", timeout=1)
            except requests.RequestException:
                return False
            return True

        until(ready, READY_S, lambda: f"{argv} does not answer:\n{log.read_text()}")

    def bring_up(self, port: int, body: str) -> None:
        """Start a topology on ports that are free here, and hold the table that it shows against the page's.

        Services whose sources say a port listen there; they have no public address.
        """
        (command,) = commands(body)
        has_edge = port not in self.written_ports
        real = self.ports.setdefault(port, free_port())
        self.is_up = True
        argv = shlex.split(command.line)
        done = self.call([*argv, "--port", str(real), "--port-auto"] if has_edge else argv)
        assert done.returncode == 0, f"$ {command.line}\nended with {done.returncode}:\n{done.stdout}"
        shown, found = (re.findall(r"127\.0\.0\.1:(\d+)", text) for text in (command.output, done.stdout))
        self.ports |= {int(one): int(other) for one, other in zip(shown, found, strict=False)}
        output = self.with_ports(done.stdout, {real: documented for documented, real in self.ports.items()})
        assert not has_edge or self.ports[port] == real, f"$ {command.line}\n{output}\nhas another public address"
        assert command.matches(output), f"$ {command.line}\n{output}\ninstead of\n{command.output}"
        self.commands += 1

    def run(self, body: str, exit_code: int = 0) -> None:
        """Run commands, and hold what they print against what the page shows."""
        for command in commands(body):
            done = self.call(self.with_ports(command.line, self.ports), shell=True)
            output = self.with_ports(done.stdout, {real: documented for documented, real in self.ports.items()})
            assert done.returncode == exit_code, f"$ {command.line}\nended with {done.returncode}:\n{output}"
            assert command.matches(output), f"$ {command.line}\n{output}\ninstead of\n{command.output}"
            self.commands += 1

    def with_ports(self, text: str, ports: dict[int, int]) -> str:
        for old, new in ports.items():
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        return text

    def run_python(self, body: str) -> None:
        """Run a program, or the examples of an interactive session."""
        if ">>>" in body:
            path = self.folder / ".session"
            path.write_text(body)
            argv = ["-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE", path.name]
        else:
            argv = ["-c", body]
        done = self.call([sys.executable, "-W", "error", *argv])
        assert done.returncode == 0, f"{body}\n{done.stdout}"
        self.commands += 1

    def import_all(self) -> None:
        """Import every Python file of the page, in its order: none may be wrong only because nothing ran it."""
        names = [".".join(Path(title).with_suffix("").parts).removesuffix(".__init__") for title in self.written]
        if names:
            done = self.call([sys.executable, "-W", "error", "-c", "\n".join(f"import {name}" for name in names)])
            assert done.returncode == 0, done.stdout

    def call(self, argv: Sequence[str] | str, *, shell: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, shell=shell, cwd=self.folder, env=self.environ(), text=True, timeout=COMMAND_S, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def stop(self) -> None:
        """Stop every server as Ctrl-C does; whichever does not is killed, and named."""
        if self.is_up:
            done = self.call(["decant", "down"])
            assert done.returncode == 0, done.stdout
            self.is_up = False
        for process, _ in self.servers:
            process.send_signal(signal.SIGINT)
        stayed = []
        for process, log in self.servers:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
                stayed.append(log.read_text())
        self.servers.clear()
        assert not stayed, f"servers did not stop: {stayed}"
