"""The commands of services and gateway: made of the settings as they are when something is started."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from decant.errors import CommandError
from decant.gateway.routes.build import routes_of_workspace
from decant.gateway.routes.source import RouteSource
from decant.topology import Workspace, load_workspace
from decant_tools.run.programs import gateway_command, gateway_environ, serve_command, serve_environ
from tests.support.workspace import HEAD, write_workspace

SETTINGS = '[settings.decant.serve]\nthreads = 12\nserver = "gunicorn"\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return load_workspace(write_workspace(tmp_path, HEAD + SETTINGS), topology="services", environ={})


def options_of(command: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(command[-1])
    return options


def test_a_service_is_started_without_an_interpreter_for_the_command_line(workspace: Workspace) -> None:
    command = serve_command(workspace, "orders", "127.0.0.1:8123", {})()
    assert command[:4] == (sys.executable, "-m", "decant.serving.boot", "gunicorn")
    options = options_of(command)
    assert (options["host"], options["port"], options["threads"]) == ("127.0.0.1", 8123, 12)
    assert options["target"] == {
        "service": "orders", "topology": "services", "config": str(workspace.root / "decant.toml"), "application": None,
    }  # fmt: skip


def test_what_a_process_has_in_its_environment_are_settings_too(workspace: Workspace) -> None:
    make = serve_command(workspace, "orders", "127.0.0.1:8123", {"DECANT_SERVE_THREADS": "3"})
    assert options_of(make())["threads"] == 3


def test_its_environment_names_the_service_and_how_memory_is_kept(workspace: Workspace) -> None:
    environ = serve_environ(workspace, "orders", {"DECANT_SERVICE": "other", "MALLOC_TOP_PAD_": "7", "A": "b"})
    assert (environ["DECANT_SERVICE"], environ["DECANT_TOPOLOGY"]) == ("orders", "services")
    assert (environ["A"], environ["MALLOC_TOP_PAD_"]) == ("b", "7")
    assert "MALLOC_TRIM_THRESHOLD_" in environ
    assert "MALLOC_TRIM_THRESHOLD_" in gateway_environ({})


def test_the_next_start_sees_settings_that_changed_meanwhile(workspace: Workspace) -> None:
    serve = serve_command(workspace, "orders", "127.0.0.1:8123", {})
    gateway = gateway_command(workspace, "127.0.0.1", 8000, workspace.root / "manifest.json", {})
    assert (options_of(serve())["grace_s"], options_of(gateway())["grace_s"]) == (10, 10)
    toml = workspace.root / "decant.toml"
    toml.write_text(f"{toml.read_text()}grace_s = 3\n")
    assert (options_of(serve())["grace_s"], options_of(gateway())["grace_s"]) == (3, 3)


def test_wrong_settings_are_an_error_of_a_command(workspace: Workspace) -> None:
    serve = serve_command(workspace, "orders", "127.0.0.1:8123", {"DECANT_SERVE_THREADS": "many"})
    with pytest.raises(CommandError, match=r"orders cannot be started: .*DECANT_SERVE_THREADS") as caught:
        serve()
    assert caught.value.exit_code == 3


def test_routes_that_were_prepared_are_used_for_one_start_alone(tmp_path: Path) -> None:
    from decant.gateway.base import State
    from decant.gateway.routes.manifest import dump_manifest, without_modules
    from decant.gateway.run import GatewayOptions

    (tmp_path / "decant.toml").write_text('[workspace]\nname = "plain"\n[services.a]\nurl = "http://127.0.0.1:9"\n')
    workspace = load_workspace(tmp_path / "decant.toml", environ={})
    prepared = tmp_path / "manifest.json"
    prepared.write_text(dump_manifest(without_modules("plain")))
    source = RouteSource(str(tmp_path / "decant.toml"), workspace.topology, prepared=str(prepared))
    for _ in range(2):
        routes_of_workspace(State(), GatewayOptions(routes=source.to_text()))
        assert not prepared.exists()
