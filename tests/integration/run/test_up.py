"""``decant up`` and the commands around it, with real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.supervised import PATIENCE_S, Workspace, get, is_alive, left_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(300), pytest.mark.serving]

Shop = Callable[..., Workspace]
BANK = '[services.bank]\ncommand = "python server.py"\n'
TWO = BANK + '[services.mail]\ncommand = "python server.py"\n'


def port_is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_a_topology_runs_in_the_background_until_down(shop: Shop) -> None:
    workspace = shop(services=BANK)
    document = workspace.up("--port", "0")
    assert (document["workspace"], document["topology"]) == ("shop", "services")
    services = {each["name"]: each for each in document["services"]}
    assert sorted(services) == ["bank", "cart", "gateway", "web"]
    assert {each["state"] for each in services.values()} == {"ready"}
    assert {each["health"] for each in services.values()} == {"healthy"}
    assert get(f"{services['web']['urls'][0]}/web/version") == "1"
    assert get(f"{document['edge']}/cart/version") == "1"
    assert json.loads(get(f"{document['edge']}/health"))["services"] == {"cart": True, "web": True}
    workspace.down()
    wait_until(lambda: left_of(workspace.root / ".decant") == [], within_s=PATIENCE_S, what="everything to end")
    assert all(port_is_free(each["port"]) for each in services.values())
    assert workspace.run("down").returncode == 0
    assert "listening on" in workspace.run("logs", "bank").stdout


def test_one_service_of_ours_is_its_own_edge_and_knows_it(shop: Shop) -> None:
    workspace = shop(topology="monolith", modules=("web",), services=BANK)
    write_view(workspace.root, "import os", "os.environ['DECANT_EDGE_URL'] + ' ' + os.environ['BANK_SERVICE_URL']")
    document = workspace.up("--port", "0")
    by_name = {each["name"]: each for each in document["services"]}
    assert sorted(by_name) == ["bank", "shop"]
    assert by_name["shop"]["urls"] == [document["edge"]]
    assert get(f"{document['edge']}/web/version") == f"{document['edge']} {by_name['bank']['url']}"


def write_view(root: Path, imports: str, returned: str) -> None:
    text = f"from decant import url\n{imports}\n\ndef version():\n    return {returned}\n\n"
    (root / "shop" / "web" / "urls.py").write_text(f"{text}urlpatterns = [url('/web/version', view_func=version)]\n")


def test_a_killed_process_is_started_again_and_the_others_go_on(shop: Shop) -> None:
    workspace = shop(modules=(), services=TWO)
    workspace.up()
    bank, mail = (workspace.service(name) for name in ("bank", "mail"))
    os.kill(bank["pid"], signal.SIGKILL)
    again = wait_until(
        lambda: (now := workspace.service("bank"))["state"] == "ready" and now["pid"] != bank["pid"] and now,
        within_s=PATIENCE_S,
    )
    assert again["restarts"] == 1
    assert get(again["url"]).isdecimal()
    assert workspace.service("mail")["pid"] == mail["pid"]


def test_a_crash_loop_is_named_and_stopped_with_the_tail_of_its_log(shop: Shop) -> None:
    broken = "[services.bad]\ncommand = \"python -c 'print(42); raise SystemExit(9)'\"\n"
    workspace = shop(modules=(), services=BANK + broken)
    done = workspace.run("up", "-d", "--json")
    assert done.returncode == 1
    assert "bad (crash loop: it ended with exit code 9 5 times in a row)" in done.stderr
    assert done.stderr.count("42\n") == 5
    assert json.loads(done.stdout)["error"]["exit_code"] == 1
    assert left_of(workspace.root / ".decant") == []


def test_one_crash_loop_does_not_take_the_rest_in_the_foreground(shop: Shop) -> None:
    workspace = shop(modules=(), services=BANK + '[services.bad]\ncommand = "false"\n')
    up = workspace.foreground()
    workspace.wait_said("The rest goes on.")
    assert workspace.run("wait", "bank", "--timeout", f"{PATIENCE_S:g}").returncode == 0
    assert workspace.run("wait", "bad", "--timeout", "1").returncode == 1
    assert workspace.service("bad")["state"] == "failed"
    up.send_signal(signal.SIGINT)
    assert up.wait(PATIENCE_S) == 0
    assert "stopping bank; again to kill them now" in workspace.said()


@pytest.mark.slow
def test_nothing_is_left_of_a_killed_supervisor_and_the_next_one_starts(shop: Shop) -> None:
    spawning = "[services.deep]\ncommand = \"sh -c 'setsid sleep 600 & exec python server.py'\"\n"
    workspace = shop(services=BANK + spawning)
    first = workspace.up("--port", "0")
    os.kill(first["pid"], signal.SIGKILL)
    home = workspace.root / ".decant"
    wait_until(lambda: left_of(home) == [], within_s=PATIENCE_S, what="everything to end")
    second = workspace.up("--port", "0")
    assert second["run"] != first["run"]
    assert all(each["state"] == "ready" for each in second["services"])


def test_down_cleans_up_after_a_killed_supervisor(shop: Shop) -> None:
    workspace = shop(modules=(), services=BANK)
    os.kill(workspace.up()["pid"], signal.SIGKILL)
    workspace.down()
    wait_until(lambda: left_of(workspace.root / ".decant") == [], within_s=PATIENCE_S, what="everything to end")
    assert workspace.run("ps").returncode == 4


def test_a_port_that_is_taken_is_one_clear_error_and_port_auto_takes_another(shop: Shop) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        workspace = shop(modules=(), services=f"{BANK}port = {port}\n")
        done = workspace.run("up", "-d")
        assert done.returncode == 6
        assert f"decant.toml:6: Port {port} on 127.0.0.1 is in use by pid {os.getpid()}" in done.stderr
        assert "--port-auto" in done.stderr
        assert workspace.up("--port-auto")["services"][0]["port"] != port


def test_there_is_one_supervisor_per_home(shop: Shop) -> None:
    workspace = shop(modules=(), services=BANK)
    workspace.up()
    for again in (("up",), ("up", "-d")):
        done = workspace.run(*again)
        assert done.returncode == 6
        assert "runs already" in done.stderr
        assert "decant down" in done.stderr


def test_services_are_stopped_started_and_waited_for(shop: Shop) -> None:
    workspace = shop(modules=(), services=TWO)
    workspace.up()
    bank = workspace.service("bank")
    assert workspace.run("wait", "bank", "--for", "down", "--timeout", "0.1").returncode == 5
    assert workspace.json("stop", "bank")["services"][0]["state"] == "stopped"
    assert not is_alive(bank["pid"])
    assert port_is_free(bank["port"])
    assert workspace.run("wait", "bank", "--for", "down").returncode == 0
    assert workspace.service("mail")["state"] == "ready"
    assert workspace.json("start", "bank")["services"][0]["state"] == "ready"
    assert workspace.run("wait", "bank", "--for", "up").returncode == 0
    for unknown in (("wait", "bnak"), ("restart", "bnak"), ("stop", "bnak"), ("logs", "bnak")):
        done = workspace.run(*unknown)
        assert done.returncode == 4
        assert "bank" in done.stderr


def test_where_nothing_runs_each_command_says_so(shop: Shop) -> None:
    workspace = shop(modules=(), services=BANK)
    for command in (("ps",), ("restart",), ("stop", "bank"), ("start",), ("wait", "bank"), ("logs",)):
        assert workspace.run(*command).returncode == 4, command
    done = workspace.run("down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"schema": 1, "stopped": []})
    assert workspace.run("wait", "bank", "--for", "down").returncode == 0


def test_a_child_that_writes_a_lot_is_always_read(shop: Shop) -> None:
    flood = "python -c 'import sys; sys.stdout.write(chr(120) * 30000000); sys.stdout.flush(); exec(open(\\\"server.py\\\").read())'"
    workspace = shop(modules=(), services=f'[services.loud]\ncommand = "{flood}"\n')
    assert workspace.up()["services"][0]["state"] == "ready"
    logs = workspace.root / ".decant" / "run" / workspace.json("ps")["run"] / "logs"
    assert sum(path.stat().st_size for path in logs.iterdir()) < 20_000_000


def test_a_service_elsewhere_is_not_started_and_looked_at(shop: Shop) -> None:
    workspace = shop(
        {"MAIL_SERVICE_URL": "http://127.0.0.1:9"},
        modules=(), services=TWO + '[services.far]\nurl = "http://127.0.0.1:9"\n',
    )  # fmt: skip
    workspace.up()
    for name in ("mail", "far"):
        found = workspace.service(name)
        assert (found["state"], found["health"], found["pid"]) == ("outside", "unhealthy", None)


def test_a_command_that_does_not_exist_says_so(shop: Shop) -> None:
    workspace = shop(modules=(), services='[services.bad]\ncommand = "no-such-program --x"\n')
    done = workspace.run("up", "-d")
    assert done.returncode == 1
    assert "'no-such-program' cannot be started: No such file or directory" in done.stderr


def test_a_time_limit_ends_a_detached_start_with_the_reason(shop: Shop) -> None:
    workspace = shop(modules=(), services='[services.slow]\ncommand = "sleep 600"\n')
    done = workspace.run("up", "-d", "--timeout", "1")
    assert done.returncode == 5
    assert "Not everything is ready after 1 s: slow (127.0.0.1:" in done.stderr
    assert left_of(workspace.root / ".decant") == []


def test_a_second_ctrl_c_kills_what_does_not_want_to_end(shop: Shop) -> None:
    stubborn = "[services.stubborn]\ncommand = \"sh -c 'trap : TERM; while :; do sleep 1; done & python server.py'\"\n"
    workspace = shop(modules=(), services=stubborn)
    up = workspace.foreground()
    workspace.wait_said("is ready")
    up.send_signal(signal.SIGINT)
    workspace.wait_said("stopping stubborn")
    up.send_signal(signal.SIGINT)
    assert up.wait(PATIENCE_S) == 0
    assert left_of(workspace.root / ".decant") == []


def test_json_in_the_foreground_is_one_document_on_stdout(shop: Shop) -> None:
    import subprocess

    from tests.support.supervised import DECANT

    workspace = shop(modules=(), services=BANK)
    up = subprocess.Popen(
        [DECANT, "up", "--json"], cwd=workspace.root, env=workspace.environ(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0,
    )  # fmt: skip
    assert workspace.run("wait", "bank", "--timeout", f"{PATIENCE_S:g}").returncode in {0, 4}
    wait_until(lambda: workspace.run("wait", "bank").returncode == 0, within_s=PATIENCE_S)
    up.terminate()
    out, _ = up.communicate(timeout=PATIENCE_S)
    assert json.loads(out)["services"][0]["name"] == "bank"
