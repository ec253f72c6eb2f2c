"""The terminal of ``decant up``: one chain for a failure of three services, behind the gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.stitched.test_three_services import HTML, STEPS, in_order, shop
from tests.support.supervised import PATIENCE_S, Workspace, kill_all
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.serving, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(shop(tmp_path / "shop"))
    yield made
    made.run("down")
    kill_all(made.root / ".decant")


def test_the_chain_is_there_once_and_under_the_service_at_the_edge(workspace: Workspace) -> None:
    up = workspace.foreground("--topology", "services", "--no-reload", "--port-auto")
    edge = wait_until(lambda: serving_edge(workspace), within_s=PATIENCE_S, every_s=1, what="the edge")
    answer = requests.get(f"{edge}/", headers={**HTML, "X-Request-ID": "up-1"}, timeout=30)
    assert answer.status_code == 500
    assert in_order(answer.text, [*STEPS, "KeyError"])
    workspace.wait_said("Logged on the way:")
    said = workspace.said()
    chain = [line for line in said.splitlines() if re.search(r"\| +\d\. \w+ · ", line)]
    assert [next(place for place in STEPS if place in line) for line in chain] == STEPS, said
    assert all(line.startswith("web ") for line in chain)
    up.terminate()
    assert up.wait(PATIENCE_S) == 0


def serving_edge(workspace: Workspace) -> str | None:
    """Return the public address once everything is ready."""
    done = workspace.run("ps", "--json")
    if done.returncode:
        return None
    document = json.loads(done.stdout)
    return document["edge"] if all(each["state"] == "ready" for each in document["services"]) else None
