"""An old application that is not ours is replaced module by module, over real HTTP, until nothing is left in it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.acceptance.edge import edge
from tests.acceptance.running import copy_workspace, environment, free_port, prepare, running, until

pytestmark = [pytest.mark.serving, pytest.mark.timeout(240)]

LEGACY = Path(__file__).parents[2] / "examples" / "legacy"
MODULES = ["orders", "pages", "users"]
REPLIES = {
    "/users/7": {"id": 7, "name": "Barbara"},
    "/users/7/orders": [{"id": 2, "user_id": 7, "item": "a rope"}, {"id": 3, "user_id": 7, "item": "a bell"}],
    "/orders/2": {"id": 2, "user_id": 7, "item": "a rope"},
}


@dataclass(frozen=True)
class Office:
    """The old application and the new services, all running.

    Attributes:
        workspace: The folder of ``decant.toml``.
        urls: Where each of them answers.
    """

    workspace: Path
    urls: Mapping[str, str]

    def route(self, routes: Mapping[str, str]) -> Path:
        """Write a ``decant.toml`` with other routes: paths and what stands behind ``to =``."""
        text = (self.workspace / "decant.toml").read_text()
        head = text.partition("# Step 0")[0]
        tables = [f'[[gateway.routes]]\npath = "{path}"\nto = {to}\n' for path, to in routes.items()]
        if not routes:
            head = re.sub(r"\[services\.legacy\][^\[]*", "", head)
        file = self.workspace / "step.toml"
        file.write_text(head + "\n".join(tables))
        return file

    @contextmanager
    def gateway(self, routes: Mapping[str, str] | None = None) -> Iterator[str]:
        """Run a gateway with routes; those of the example by default."""
        file = self.workspace / "decant.toml" if routes is None else self.route(routes)
        arguments = ["--config", str(file), "--topology", "services", "--manifest", str(self.workspace / "routes.json")]
        with edge(self.workspace, self.urls, arguments=arguments) as made:
            yield made.urls["gateway"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    workspace = copy_workspace(LEGACY, tmp_path_factory.mktemp("office") / "legacy", "services")
    database = {"LEGACY_DATABASE": str(workspace / "legacy.db")}
    with ExitStack() as stack:
        old = stack.enter_context(old_application(workspace, database))
        prepare(workspace, database)
        file = str(workspace / "routes.json")
        written = subprocess.run(
            [str(Path(sys.executable).with_name("decant")), "routes", "--manifest", file], cwd=workspace, timeout=60,
            capture_output=True, check=False, env=environment(workspace / ".decant", {}),
        )  # fmt: skip
        assert written.returncode == 0, written.stderr
        apart = stack.enter_context(running(workspace, MODULES, topology="services"))
        yield Office(workspace, {**apart.urls, "legacy": old})


@contextmanager
def old_application(workspace: Path, env: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (workspace / "old.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "old"], cwd=workspace, stdout=log, stderr=log,
            env={**environment(workspace, env), "PORT": str(port)},
        )  # fmt: skip
    try:
        until(lambda: answers(url), 30, lambda: (workspace / "old.log").read_text())
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/users", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def who(url: str, path: str, session: requests.Session | None = None) -> str:
    """Return who answers a path, ``legacy`` or ``new``, after a look at the answer."""
    response = (session or requests).get(url + path, timeout=20)
    if path in REPLIES:
        assert (response.status_code, response.json()) == (200, REPLIES[path])
    return "legacy" if response.headers.get("X-Served-By") == "legacy" else "new"


def owners(url: str) -> dict[str, str]:
    return {path: who(url, path) for path in ("/users/7", "/users", "/orders/2", "/", "/about", "/reports/2026/may")}


def everything(owner: str) -> dict[str, str]:
    return dict.fromkeys(("/users/7", "/users", "/orders/2", "/", "/about", "/reports/2026/may"), owner)


TO_LEGACY = '"legacy"'
STEP_0 = dict.fromkeys(("/users/*", "/orders/*", "/", "/about", "/*"), TO_LEGACY)


def without(*paths: str) -> dict[str, str]:
    return {path: to for path, to in STEP_0.items() if path not in paths}


def test_step_0_everything_is_answered_by_the_old_application(office: Office) -> None:
    with office.gateway() as url:
        assert owners(url) == everything("legacy")
        lost = requests.get(f"{url}/nothing", timeout=20)
        assert (lost.status_code, lost.json()) == (404, {"error": "not found"})
        made = requests.post(f"{url}/orders", json={"user_id": 1, "item": "a map"}, timeout=20)
        assert (made.status_code, made.headers["X-Served-By"]) == (201, "legacy")
        assert requests.get(f"{url}/health", timeout=20).json() == {
            "gateway": "healthy",
            "services": dict.fromkeys(MODULES, True),
        }
        assert requests.get(f"{url}/-/users", timeout=20).headers.get("X-Served-By") is None


class From(HTTPAdapter):
    """Sends from one of this machine's own addresses."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments: object, **more: object) -> None:
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **more)  # type: ignore[arg-type]


def spread(url: str, clients: int) -> dict[str, str]:
    found = {}
    for number in range(clients):
        with requests.Session() as session:
            address = f"127.0.{number // 200 + 1}.{number % 200 + 1}"
            session.mount("http://", From(address))
            first = who(url, "/users/7", session)
            assert who(url, "/users/7", session) == first
            found[address] = first
    return found


def test_the_dial_moves_a_part_of_the_clients_and_keeps_each_where_it_is(office: Office) -> None:
    dial = {**STEP_0, "/users/*": "{ legacy = 80, users = 20 }"}
    with office.gateway(dial) as url:
        before = spread(url, 120)
        assert 8 <= Counter(before.values())["new"] <= 44
        assert who(url, "/orders/2") == "legacy"
    dial["/users/*"] = "{ legacy = 40, users = 60 }"
    with office.gateway(dial) as url:
        after = spread(url, 120)
    assert 50 <= Counter(after.values())["new"] <= 94
    assert not [client for client in before if before[client] == "new" and after[client] == "legacy"]


def test_step_1_users_are_answered_by_the_new_service(office: Office) -> None:
    with office.gateway(without("/users/*")) as url:
        assert owners(url) == {**everything("legacy"), "/users/7": "new", "/users": "new"}
        assert who(url, "/users/7/orders") == "new"
        assert requests.get(f"{url}/users/99", timeout=20).json()["code"] == "users.unknown"
        refused = requests.delete(f"{url}/users/7", timeout=20)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_and_back_again(office: Office) -> None:
    with office.gateway(STEP_0) as url:
        assert owners(url) == everything("legacy")


def test_step_2_orders_follow(office: Office) -> None:
    with office.gateway(without("/users/*", "/orders/*")) as url:
        assert owners(url) == {**everything("new"), "/": "legacy", "/about": "legacy", "/reports/2026/may": "legacy"}
        made = requests.post(f"{url}/orders", json={"user_id": 1, "item": "a bag"}, timeout=20)
        assert made.status_code == 201
        assert "X-Served-By" not in made.headers
        assert requests.get(url + made.headers["Location"].removeprefix(url), timeout=20).json()["item"] == "a bag"
        assert requests.post(f"{url}/orders", json={"user_id": 99, "item": "x"}, timeout=20).status_code == 404


def test_step_3_the_pages_follow_and_the_rest_stays_at_the_end_of_the_table(office: Office) -> None:
    with office.gateway({"/*": TO_LEGACY}) as url:
        assert owners(url) == {**everything("new"), "/reports/2026/may": "legacy"}


def test_the_end_nothing_is_left_in_it(office: Office) -> None:
    with office.gateway({}) as url:
        found = owners(url)
        assert found == everything("new")
        lost = requests.get(f"{url}/reports/2026/may", timeout=20)
        assert (lost.status_code, lost.headers["Content-Type"]) == (404, "application/problem+json")
        assert "Barbara" in requests.get(url, timeout=20).text


def test_an_old_application_that_is_down_is_a_503_at_once_and_the_new_services_go_on(office: Office) -> None:
    nobody = Office(office.workspace, {**office.urls, "legacy": f"http://127.0.0.1:{free_port()}"})
    with nobody.gateway({"/*": TO_LEGACY}) as url:
        answer = requests.get(f"{url}/reports/2026/may", timeout=20)
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert answer.elapsed.total_seconds() < 1
        assert who(url, "/users/7") == "new"
