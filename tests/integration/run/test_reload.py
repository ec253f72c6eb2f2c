"""Services of ours are replaced while they serve: by command, and when their files change."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.support.supervised import PATIENCE_S, Workspace, get, write_module
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(400), pytest.mark.serving, pytest.mark.slow]

Shop = Callable[..., Workspace]


def test_a_restart_fails_no_request(shop: Shop) -> None:
    workspace = shop(topology="monolith", modules=("web",))
    edge = workspace.up("--port", "0", "--no-reload")["edge"]
    before = workspace.service("shop")
    over, failed, answered = threading.Event(), [], []

    def ask() -> None:
        while not over.is_set():
            try:
                answered.append(get(f"{edge}/web/version"))
            except OSError as error:
                failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert workspace.run("restart", "shop").returncode == 0
    finally:
        over.set()
        asking.join()
    after = workspace.service("shop")
    assert (after["state"], after["restarts"]) == ("ready", 0)
    assert after["pid"] != before["pid"]
    assert answered
    assert failed == []


def test_a_changed_file_restarts_the_services_that_are_made_of_it_alone(shop: Shop) -> None:
    workspace = shop(topology="services")
    document = workspace.up("--port", "0")
    urls = {each["name"]: each["url"] for each in document["services"]}
    cart = workspace.service("cart")["pid"]
    write_module(workspace.root, "web", version="2")
    wait_until(lambda: get(f"{urls['web']}/web/version") == "2", within_s=PATIENCE_S, what="the new code")
    assert workspace.service("cart")["pid"] == cart

    web = workspace.root / "shop" / "web" / "urls.py"
    web.write_text(f"{web.read_text()}\ndef broken(:\n")
    said = workspace.root / ".decant" / "run" / "supervisor.log"
    wait_until(lambda: "cannot be compiled; the old code still serves" in said.read_text(), within_s=PATIENCE_S)
    assert get(f"{urls['web']}/web/version") == "2"

    write_module(workspace.root, "web", version="3", imports="raise RuntimeError('not today')")
    wait_until(lambda: "The new web does not start, the old one stays" in said.read_text(), within_s=PATIENCE_S)
    assert get(f"{urls['web']}/web/version") == "2"

    write_module(workspace.root, "web", version="4")
    wait_until(lambda: get(f"{urls['web']}/web/version") == "4", within_s=PATIENCE_S, what="the repaired code")
