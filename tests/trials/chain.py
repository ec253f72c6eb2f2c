"""Four services in a row, each asking the next one: `a` asks `b`, `b` asks `c`, `c` asks `d`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from tests.acceptance.running import Running, environment, free_port, start, stop, wait_ready

ORDER = ("a", "b", "c", "d")

TOML = """
[workspace]
name = "chain"
modules = "chain"
topology = "services"

[topologies.services]
"*" = "each"
"""

API = """
from decant import Contract, get, post


class {upper}(Contract):
    @post("/{name}/step", idempotent="natural")
    def step(self, number: int) -> int: ...

    @get("/{name}/look", public=True)
    def look(self, number: int) -> int: ...


class {upper}Effects(Contract):
    @post("/{name}/effects")
    def note(self, number: int) -> None: ...
"""

SERVICE = """
import os
import time
from pathlib import Path

from flask import request

from chain.{name}.api import {upper}, {upper}Effects
from decant.context import current
from decant.errors import RemoteCallError
{imports}

SEEN = Path(os.environ["CHAIN_SEEN"])


def write(name: str, *values: object) -> None:
    with (SEEN / name).open("a") as file:
        file.write(" ".join(map(str, values)) + "\\n")


class {upper}EffectsService({upper}Effects):
    def note(self, number: int) -> None:
        left = current.get().remaining_s()
        write("effects", "{name}", number, -1 if left is None else left)


class {upper}Service({upper}):
    def __init__(self, effects: {upper}Effects{parameter}) -> None:
        self.effects = effects
        {keep}

    def look(self, number: int) -> int:
        write("looks", "{name}", number)
        return {look}

    def step(self, number: int) -> int:
        write("deadlines", "{name}", number, request.headers.get("Decant-Deadline-Ms", "-"))
        try:
            {step}
        finally:
            write("woken", "{name}", number)
            self.effects.note(number)
"""


def write_chain(root: Path, calls: str = "") -> Path:
    """Write the workspace and return its folder.

    Args:
        root: Where.
        calls: Lines for ``decant.toml`` below the rest.
    """
    (root / "decant.toml").parent.mkdir(parents=True, exist_ok=True)
    (root / "decant.toml").write_text(TOML + calls)
    (root / "chain").mkdir()
    (root / "chain" / "__init__.py").touch()
    for name, following in zip(ORDER, (*ORDER[1:], None), strict=True):
        folder = root / "chain" / name
        folder.mkdir()
        (folder / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
        (folder / "api.py").write_text(API.format(name=name, upper=name.upper()))
        (folder / "service.py").write_text(_service(name, following))
    return root


def _service(name: str, following: str | None) -> str:
    last = following is None
    upper = "" if following is None else following.upper()
    return dedent(SERVICE).format(
        name=name,
        upper=name.upper(),
        imports="" if last else f"from chain.{following}.api import {upper}",
        parameter="" if last else f", after: {upper}",
        keep="pass" if last else "self.after = after",
        look="number" if last else "self.after.look(number)",
        step='time.sleep(float(os.environ["CHAIN_SLEEP_S"])) or 0' if last else "return self.after.step(number)",
    )


@contextmanager
def chain(
    root: Path,
    services: tuple[str, ...] = ORDER,
    *,
    env: Mapping[str, str] | None = None,
    calls: str = "",
    unbounded: tuple[str, ...] = (),
) -> Iterator[Running]:
    """Serve the services, each in a process of its own, until the end of the block.

    Args:
        root: The folder for the workspace and what it writes down.
        services: Those that are served.
        env: Settings of all of them.
        calls: Lines for ``decant.toml``.
        unbounded: Those that take every request, however many run already: the development server does.
    """
    workspace = write_chain(root / "workspace", calls)
    seen = root / "seen"
    seen.mkdir()
    home = workspace / ".decant"
    home.mkdir()
    made = Running("services", home)
    ports = {name: free_port() for name in services}
    made.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    addresses = {f"{name.upper()}_SERVICE_URL": url for name, url in made.urls.items()}
    own = {"CHAIN_SEEN": str(seen), "DECANT_SERVE_THREADS": "128", "CHAIN_SLEEP_S": "5"}
    environ = environment(home, {**addresses, **own, **(env or {})})
    try:
        for name, port in ports.items():
            arguments = ["serve", name, "--bind", f"127.0.0.1:{port}"]
            if name in unbounded:
                arguments = ["run", name, "--no-reload", "--no-debug", "--port", str(port)]
            made.processes[name] = start(workspace, arguments, environ, home / f"{name}.log")
        for name, url in made.urls.items():
            wait_ready(made, name, url)
        yield made
    finally:
        stop(made)


def lines(root: Path, name: str) -> list[list[str]]:
    """Return what the services have written down under a name."""
    path = root / "seen" / name
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []
