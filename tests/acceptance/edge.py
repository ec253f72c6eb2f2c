"""A gateway that really runs, before services that do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.acceptance.running import Running, environment, free_port, start, stop, until

READY_S = 60.0


@contextmanager
def edge(
    workspace: Path,
    urls: Mapping[str, str],
    *,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    name: str = "gateway",
) -> Iterator[Running]:
    """Start ``decant gateway``, wait until it answers, and stop it by SIGTERM at the end.

    Args:
        workspace: The folder of ``decant.toml``.
        urls: Where each service answers.
        arguments: More of them for the command.
        env: More of the environment.
        name: What its log is called.
    """
    home = workspace / ".decant"
    home.mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{free_port()}"
    made = Running("edge", home, {name: url})
    told = {f"{service.upper()}_SERVICE_URL": at for service, at in urls.items()} | dict(env or {})
    made.processes[name] = start(
        workspace,
        ["gateway", "--bind", url.removeprefix("http://"), *arguments],
        environment(home, told),
        home / f"{name}.log",
    )
    try:
        until(lambda: is_alive(made, name), READY_S, lambda: f"the gateway is not there:\n{made.output(name)}")
        yield made
    finally:
        stop(made)


def is_alive(made: Running, name: str) -> bool:
    """Return whether a gateway answers; fail at once, with its output, when it has ended."""
    if made.processes[name].poll() is not None:
        raise AssertionError(f"the gateway ended with {made.processes[name].returncode}:\n{made.output(name)}")
    try:
        return requests.get(f"{made.urls[name]}/health/live", timeout=2).status_code == 200
    except requests.RequestException:
        return False
