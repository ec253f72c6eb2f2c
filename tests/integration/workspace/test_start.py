"""``decant up`` in a repository that knows nothing of this toolkit, with real processes in their own environments."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from decant_tools.run.ports import free_ports
from tests.support.supervised import PATIENCE_S, Workspace, get, left_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(300), pytest.mark.serving]

Mono = Callable[..., Workspace]

USERS = """
import os, common_utils
from libs.common_utils import WORD
from webber import Webber

def answer(path):
    return os.environ.get(path[1:], f"users {common_utils.WORD} {WORD}")

if __name__ == "__main__":
    Webber(answer).run(host="0.0.0.0", port=%d)
"""
ORDERS = """
import os, webber

def answer(path):
    return f"orders {webber.__version__}"

webber.Webber(answer).run(port=int(os.environ.get("PORT", %d)))
"""


def files(users: int, orders: int) -> dict[str, str]:
    return {
        "services/users/app.py": USERS % users,
        "services/users/requirements.txt": "webber\n../libs/common_utils\n",
        "services/orders/app.py": ORDERS % orders,
        "services/orders/requirements.txt": "webber==2.3.3\n",
        "libs/common_utils/__init__.py": "WORD = 'one'\n",
    }


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_all_services_start_with_their_libs_and_down_leaves_nothing(mono: Mono) -> None:
    ports = free_ports(2)
    workspace = mono(files(*ports))
    document = workspace.up()
    assert {each["name"]: each["urls"] for each in document["services"]} == {
        "users": [f"http://127.0.0.1:{ports[0]}"], "orders": [f"http://127.0.0.1:{ports[1]}"],
    }  # fmt: skip
    assert (document["topology"], document["edge"]) == ("services", None)
    assert get(f"http://127.0.0.1:{ports[0]}/x") == "users one one"
    assert get(f"http://127.0.0.1:{ports[1]}/x") == "orders 2.3.3"
    assert {each["health"] for each in workspace.json("ps")["services"]} == {"healthy"}
    logs = workspace.run("logs").stdout
    assert f"listening on {ports[0]}" in logs
    assert "GET /x" in logs
    workspace.down()
    wait_until(lambda: left_of(workspace.root / ".decant") == [], within_s=PATIENCE_S, what="everything to end")
    assert all(map(is_free, ports))


def test_one_service_is_started_alone_stopped_and_started_again(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono(files(users, orders))
    assert [each["name"] for each in workspace.up("orders")["services"]] == ["orders"]
    assert is_free(users)
    assert workspace.run("stop", "orders").returncode == 0
    assert workspace.service("orders")["state"] == "stopped"
    assert is_free(orders)
    assert workspace.run("start", "orders").returncode == 0
    assert get(f"http://127.0.0.1:{orders}/") == "orders 2.3.3"
    assert workspace.run("up", "userz").returncode in {4, 6}


def test_a_killed_service_is_started_again_and_the_other_goes_on(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono(files(users, orders))
    workspace.up()
    before = {name: workspace.service(name)["pid"] for name in ("users", "orders")}
    os.kill(before["users"], signal.SIGKILL)
    wait_until(
        lambda: (now := workspace.service("users"))["state"] == "ready" and now["pid"] != before["users"],
        within_s=PATIENCE_S, what="the service to come back",
    )  # fmt: skip
    assert get(f"http://127.0.0.1:{users}/x") == "users one one"
    assert workspace.service("orders")["pid"] == before["orders"]


def test_a_crash_shows_the_last_lines_of_what_failed(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono({**files(users, orders), "services/orders/app.py": "import missing_thing\n" + ORDERS % orders})
    done = workspace.run("up", "-d")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'missing_thing'" in done.stderr
    assert "orders (crash loop: it ended with exit code 1" in done.stderr
    assert left_of(workspace.root / ".decant") == []


def test_a_changed_lib_restarts_who_uses_it_and_a_broken_one_does_not(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono(files(users, orders))
    workspace.up()
    untouched = workspace.service("orders")["pid"]
    (workspace.root / "libs/common_utils/__init__.py").write_text("WORD = 'two'\n")
    wait_until(lambda: get(f"http://127.0.0.1:{users}/x") == "users two two", within_s=PATIENCE_S, what="the new lib")
    (workspace.root / "libs/common_utils/__init__.py").write_text("WORD = \n")
    log = workspace.root / ".decant" / "run" / "supervisor.log"
    wait_until(lambda: "cannot be compiled; the old code still serves" in log.read_text(), within_s=PATIENCE_S)
    assert get(f"http://127.0.0.1:{users}/x") == "users two two"
    assert workspace.service("orders")["pid"] == untouched


def test_a_change_that_never_gets_ready_holds_up_nobody_and_is_taken_back_at_once(mono: Mono) -> None:
    ports = free_ports(2)
    workspace = mono(files(*ports))
    workspace.up()
    source = workspace.root / "services/users/app.py"
    good = source.read_text()
    source.write_text(f"import time\ntime.sleep(600)\n{good}")
    wait_until(lambda: workspace.service("users")["state"] == "starting", within_s=PATIENCE_S, what="a restart")
    orders = workspace.root / "services/orders/app.py"
    orders.write_text(orders.read_text().replace('f"orders ', 'f"changed '))
    url = f"http://127.0.0.1:{ports[1]}/x"
    wait_until(lambda: get(url) == "changed 2.3.3", within_s=20, what="the other one's new code")
    source.write_text(good)
    wait_until(lambda: workspace.service("users")["state"] == "ready", within_s=20, what="the good code")


def test_one_that_is_not_ready_in_time_is_started_again_when_it_is_corrected(mono: Mono) -> None:
    ports = free_ports(2)
    good = files(*ports)
    source = "services/users/app.py"
    workspace = mono({**good, source: f"import time\ntime.sleep(600)\n{good[source]}"})
    foreground = workspace.foreground("--timeout", "4")
    try:
        log = workspace.root / "up.log"
        wait_until(lambda: "The rest goes on." in log.read_text(), within_s=PATIENCE_S, what="the time to be over")
        (workspace.root / source).write_text(good[source])
        wait_until(lambda: workspace.service("users")["state"] == "ready", within_s=30, what="the good code")
    finally:
        foreground.send_signal(signal.SIGINT)
        assert foreground.wait(PATIENCE_S) == 0


def test_changed_requirements_and_env_files_take_effect_at_once(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono({**files(users, orders), "services/users/.env": "GREETING=hello\n"})
    workspace.up()
    assert get(f"http://127.0.0.1:{users}/GREETING") == "hello"
    (workspace.root / "services/users/.env").write_text("GREETING=good evening\n")
    wait_until(lambda: get(f"http://127.0.0.1:{users}/GREETING") == "good evening", within_s=PATIENCE_S)
    (workspace.root / "services/orders/requirements.txt").write_text("webber==1.0\n")
    wait_until(lambda: get(f"http://127.0.0.1:{orders}/") == "orders 1.0", within_s=PATIENCE_S)


def test_settings_of_the_root_take_effect_with_a_restart_and_wrong_ones_end_nothing(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono({**files(users, orders), ".env": "GREETING=hello\n"})
    workspace.up()
    log = workspace.root / ".decant" / "run" / "supervisor.log"
    (workspace.root / "decant.toml").write_text("[services.userz]\n")
    (workspace.root / "services/users/app.py").write_text(USERS % users + "# changed\n")
    wait_until(lambda: "users failed: decant.toml:1: services.userz" in log.read_text(), within_s=PATIENCE_S)
    (workspace.root / "decant.toml").unlink()
    (workspace.root / ".env").write_text("GREETING=good evening\n")
    assert workspace.run("restart", "users").returncode == 0
    assert get(f"http://127.0.0.1:{users}/GREETING") == "good evening"


def test_configuration_is_layered_and_shown_with_its_sources(mono: Mono) -> None:
    users, orders = free_ports(2)
    toml = '[services.users.env]\nA = "toml"\nB = "toml"\nDB = "postgresql://me:pass@db/x"\n[services.orders]\nneeds = ["users"]\n'
    workspace = mono({**files(users, orders), "decant.toml": toml, ".env": "B=root\nC=root\n",
                      "services/users/.env": "C=own\nAPI_TOKEN=x\n"}, D="process")  # fmt: skip
    rows = {row["key"]: (row["value"], row["source"]) for row in workspace.json("config", "users")["settings"]}
    key = "services.users"
    assert rows[f"{key}.command"] == ("python app.py", "services/users/app.py")
    assert rows[f"{key}.port"] == (users, "services/users/app.py:10")
    assert rows[f"{key}.env.A"] == ("toml", "decant.toml:2")
    assert rows[f"{key}.env.B"] == ("root", ".env:1")
    assert rows[f"{key}.env.C"] == ("own", "services/users/.env:1")
    assert rows[f"{key}.env.API_TOKEN"] == ("***", "services/users/.env:2")
    assert rows[f"{key}.env.DB"] == ("postgresql://me:***@db/x", "decant.toml:4")
    workspace.up()
    seen = {name: get(f"http://127.0.0.1:{users}/{name}") for name in ("A", "B", "C", "D", "DB", "PORT")}
    assert seen == {
        "A": "toml", "B": "root", "C": "own", "D": "process", "DB": "postgresql://me:pass@db/x", "PORT": str(users),
    }  # fmt: skip


def test_an_impossible_pin_is_one_error_for_all_and_relax_starts(mono: Mono) -> None:
    users, orders = free_ports(2)
    pinned = {**files(users, orders), "services/orders/requirements.txt": "# web\nwebber==2.3.7\n"}
    workspace = mono(pinned)
    done = workspace.run("up", "-d", "--json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["details"] == [
        "services/orders/requirements.txt:2: webber==2.3.7 does not exist; the nearest version is 2.3.3."
    ]
    assert "--relax" in error["hint"]
    assert "Because" not in done.stderr
    done = workspace.run("up", "-d", "--relax")
    assert done.returncode == 0, done.stderr
    assert "webber==2.3.7 does not exist; webber==2.3.3 is taken in its place (--relax)." in done.stderr
    assert (
        "note: services/users/requirements.txt:2: ../libs/common_utils is taken to be libs/common_utils" in done.stderr
    )
    assert get(f"http://127.0.0.1:{orders}/") == "orders 2.3.3"
    assert (workspace.root / "services/orders/requirements.txt").read_text() == "# web\nwebber==2.3.7\n"


def test_what_to_do_about_one_service_is_not_lost_for_another_one(mono: Mono) -> None:
    pinned = {"services/orders/requirements.txt": "webber==2.3.7\n", "services/users/pyproject.toml": "[project\n"}
    workspace = mono({**files(*free_ports(2)), **pinned})
    done = workspace.run("up", "-d")
    assert done.returncode == 3
    assert "services/orders/requirements.txt:1: webber==2.3.7 does not exist" in done.stderr
    assert "services/users/pyproject.toml: it cannot be read" in done.stderr
    assert "help: Write webber==2.3.3 there, or take the nearest with --relax." in done.stderr


def test_what_runs_already_is_said_before_anything_is_made(mono: Mono) -> None:
    ports = free_ports(2)
    workspace = mono({**files(*ports), "services/idle/Dockerfile": "FROM scratch\n"})
    assert "idle is left out" in workspace.run("up", "-d").stderr
    (workspace.root / "services/orders/requirements.txt").write_text("webber==2.3.7\n")
    again = workspace.run("up", "-d")
    assert (again.returncode, again.stdout) == (6, "")
    assert again.stderr.startswith("error[command]: This workspace runs already: pid ")
    assert "does not exist" not in again.stderr


def test_what_nobody_knows_how_to_start_is_no_matter_of_one_that_is_named(mono: Mono) -> None:
    workspace = mono({**files(*free_ports(2)), "services/idle/Dockerfile": "FROM scratch\n"})
    done = workspace.run("up", "-d", "orders")
    assert done.returncode == 0
    assert "left out" not in done.stderr


def test_a_port_in_use_is_told_and_another_one_taken_where_the_program_takes_it(mono: Mono) -> None:
    users, orders = free_ports(2)
    workspace = mono(files(users, orders))
    with socket.create_server(("127.0.0.1", orders)):
        done = workspace.run("up", "-d", "orders")
        assert done.returncode == 6
        assert f"services/orders/app.py:7: Port {orders} on 127.0.0.1 is in use by pid {os.getpid()}" in done.stderr
        document = workspace.up("orders", "--port-auto")
        url = document["services"][0]["urls"][0]
        assert url != f"http://127.0.0.1:{orders}"
        assert get(url) == "orders 2.3.3"


def test_a_program_that_listens_elsewhere_is_said_to(mono: Mono) -> None:
    (port,) = free_ports(1)
    hidden = f"import webber\n\ndef choose():\n    return {port}\n\nwebber.Webber(str).run(port=choose())\n"
    workspace = mono({"services/users/app.py": hidden, "services/users/requirements.txt": "webber\n"})
    done = workspace.run("up", "-d", "--timeout", "4")
    assert done.returncode == 5
    assert f"it listens on {port}: is that the `port` of [services.users]?" in done.stderr
    (workspace.root / "decant.toml").write_text(f"[services.users]\nport = {port}\n")
    assert get(workspace.up()["services"][0]["urls"][0]) == "/"


def test_what_a_reloader_forks_ends_with_it(mono: Mono) -> None:
    (port,) = free_ports(1)
    forks = f"""
import os, signal, subprocess, sys
if os.environ.get("CHILD") != "yes":
    raise SystemExit(subprocess.call([sys.executable, *sys.argv], env={{**os.environ, "CHILD": "yes"}}))
import webber
subprocess.Popen(["setsid", "sleep", "600"])
webber.Webber(lambda path: "forked").run(port={port})
"""
    workspace = mono({"services/users/app.py": forks, "services/users/requirements.txt": "webber\n"})
    workspace.up()
    assert get(f"http://127.0.0.1:{port}/") == "forked"
    workspace.run("restart", "users")
    assert get(f"http://127.0.0.1:{port}/") == "forked"
    workspace.down()
    wait_until(lambda: left_of(workspace.root / ".decant") == [], within_s=PATIENCE_S, what="everything to end")
    assert is_free(port)


def test_declared_needs_are_ready_first(mono: Mono) -> None:
    users, orders = free_ports(2)
    late = "import time\ntime.sleep(0.5)\n" + USERS % users
    toml = '[services.orders]\nneeds = ["users"]\n'
    workspace = mono({**files(users, orders), "services/users/app.py": late, "decant.toml": toml})
    assert [each["name"] for each in workspace.up("orders")["services"]] == ["users", "orders"]
    said = (workspace.root / ".decant" / "run" / "supervisor.log").read_text()
    assert "orders waits for users" in said
    assert said.index("users is ready") < said.index("orders is ready")


@pytest.mark.slow
def test_modules_and_found_services_run_side_by_side(mono: Mono) -> None:
    users, orders, edge = free_ports(3)
    module = '"""A module."""\nfrom decant import Module\n\nmodule = Module(__name__)\n'
    urls = "from decant import url\nimport os\n\ndef where():\n    return os.environ['USERS_SERVICE_URL']\n\nurlpatterns = [url('/web/where', view_func=where)]\n"
    toml = f'[workspace]\nname = "shop"\nmodules = "shop"\n[gateway]\nport = {edge}\n[[gateway.routes]]\npath = "/legacy/*"\nto = "users"\n[services.users]\n'
    workspace = mono({**files(users, orders), "decant.toml": toml, "shop/__init__.py": "",
                      "shop/web/__init__.py": module, "shop/web/urls.py": urls})  # fmt: skip
    document = workspace.up()
    assert sorted(each["name"] for each in document["services"]) == ["gateway", "orders", "shop", "users"]
    assert get(f"{document['edge']}/web/where") == f"http://127.0.0.1:{users}"
    assert get(f"{document['edge']}/legacy/x") == "users one one"


@pytest.mark.slow
def test_the_plain_monorepo_answers_as_it_is(example: Callable[[], tuple[Workspace, dict[str, int]]]) -> None:
    workspace, ports = example()
    before = {path: path.read_bytes() for path in _files(workspace.root)}
    document = workspace.up("--relax")
    urls = {each["name"]: each["urls"][0] for each in document["services"]}
    assert urls == {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    assert json.loads(get(f"{urls['user_service']}/users/7")) == {"id": 7, "name": "User 7"}
    assert json.loads(get(f"{urls['product_service']}/products/7")) == {"id": 7, "name": "Product 7"}
    assert json.loads(get(f"{urls['order_service']}/orders/7"))["id"] == 7
    source = workspace.root / "services" / "user_service" / "app.py"
    source.write_text(source.read_text().replace("app.run(", "app.run(debug=True, "))  # forks, and reloads itself
    wait_until(lambda: " * Debug mode: on" in workspace.run("logs", "user_service").stdout, within_s=PATIENCE_S)
    wait_until(lambda: get(f"{urls['user_service']}/users/7"), within_s=PATIENCE_S)
    workspace.down()
    wait_until(lambda: left_of(workspace.root / ".decant") == [], within_s=PATIENCE_S, what="everything to end")
    assert all(map(is_free, ports.values()))
    source.write_bytes(before[source])
    assert {path: path.read_bytes() for path in _files(workspace.root)} == before


def _files(root: Path) -> list[Path]:
    left_out = {".decant", "__pycache__", ".git"}
    return [path for path in root.rglob("*") if path.is_file() and not left_out.intersection(path.parts)]
