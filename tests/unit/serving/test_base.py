"""Options that make sense, and servers that refuse what they cannot do."""

from __future__ import annotations

from typing import Any

import pytest

from decant.errors import MissingExtra, SetupError
from decant.serving.base import ServeOptions, Server
from decant.serving.registry import PRODUCTION, SERVERS, server_named
from decant.serving.target import Target

TARGET = Target(service="orders", topology="services")


def test_options_survive_the_way_to_another_process() -> None:
    options = ServeOptions(TARGET, "::1", 8080, workers=2, threads=9, streams=0, grace_s=1.5, drain_s=2, seed=True)
    assert ServeOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize(("threads", "streams"), [(64, 16), (8, 2), (3, 1), (1, 1)])
def test_streams_get_a_quarter_of_the_threads_and_one_at_least(threads: int, streams: int) -> None:
    assert ServeOptions(TARGET, threads=threads).stream_limit == streams


@pytest.mark.parametrize(
    "wrong", [{"port": 0}, {"port": 65536}, {"workers": 0}, {"threads": 0}, {"streams": -1}, {"grace_s": -1.0}]
)
def test_options_that_make_no_sense_are_refused_when_they_are_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(SetupError, match=next(iter(wrong))):
        ServeOptions(TARGET, **wrong)


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_is_found_by_its_name(name: str) -> None:
    assert server_named(name).name == name


@pytest.mark.parametrize("name", SERVERS)
def test_the_servers_offered_for_production_say_that_they_are_fit_for_it(name: str) -> None:
    assert server_named(name).capabilities.production is (name in PRODUCTION)


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(("flag", "option"), [("workers", {"workers": 2}), ("drain_delay", {"drain_s": 1.0})])
def test_what_a_server_cannot_do_it_refuses_and_what_it_can_it_takes(
    name: str, flag: str, option: dict[str, Any]
) -> None:
    server, options = server_named(name), ServeOptions(TARGET, **option)
    if getattr(server.capabilities, flag):
        server.check(options)
    else:
        with pytest.raises(SetupError, match=f"The {name} server"):
            server.check(options)


@pytest.mark.parametrize("name", PRODUCTION)
def test_a_server_of_several_processes_does_not_migrate(name: str) -> None:
    with pytest.raises(SetupError, match="neither migrates nor seeds"):
        server_named(name).check(ServeOptions(TARGET, migrate=True))


def test_a_server_with_a_slip_in_its_name_is_guessed() -> None:
    with pytest.raises(SetupError, match=r"Did you mean `granian`\?"):
        server_named("granien")


def test_a_server_that_is_not_installed_names_its_extra() -> None:
    class Elsewhere(type(server_named("granian"))):  # type: ignore[misc]
        package = "no_such_server"
        extra = "serve"

    server: Server = Elsewhere()
    with pytest.raises(MissingExtra, match=r"flask-decant\[serve\]"):
        server.check(ServeOptions(TARGET))


def test_the_debugger_stays_on_this_machine() -> None:
    with pytest.raises(SetupError, match="not served on"):
        server_named("werkzeug").check(ServeOptions(TARGET, host="0.0.0.0", debug=True))
    server_named("werkzeug").check(ServeOptions(TARGET, host="::1", debug=True))
