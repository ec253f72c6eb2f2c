"""``decant ps | start | stop | restart | wait | down``: what acts on a workspace that runs."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant_tools.run.folder import RunFolder

STOPPED_WITHIN_S = 60.0
ASKED_EVERY_S = 0.2
_services = click.argument("services", nargs=-1)


def folder_of(config: str) -> RunFolder:
    """Return the folder of the workspace's supervisor."""
    from decant_tools.run.folder import RunFolder
    from decant_tools.workspace.foreign import workspace_to_ask

    return RunFolder(workspace_to_ask(config).home())


@click.command("ps")
@config_option
@json_option
def ps(config: str, as_json: bool) -> None:
    """Show what runs: state, health, address, process, age, restarts."""
    from decant_tools.run.control import ask

    document = ask(folder_of(config), "status")
    if as_json:
        print_json(**document)
        return
    rows = [_row(process) for service in document["services"] for process in service["processes"] or [service]]
    print_table(("NAME", "STATE", "HEALTH", "URL", "PID", "UPTIME", "RESTARTS", "WHY"), rows)
    edge = f" on {document['edge']}" if document["edge"] else ""
    click.echo(f"{document['workspace']} runs as {document['topology']}{edge}", err=True)


def _row(process: dict[str, Any]) -> tuple[str, ...]:
    uptime_s = process["uptime_s"]
    return (
        process["name"], process["state"], process["health"], process["url"], str(process["pid"] or "-"),
        "-" if uptime_s is None else age(uptime_s), str(process["restarts"]), process["why"],
    )  # fmt: skip


def age(seconds: float) -> str:
    """Return a duration in its two largest units, for instance ``2h 5m``."""
    whole = int(seconds)
    units = [("d", whole // 86400), ("h", whole // 3600 % 24), ("m", whole // 60 % 60), ("s", whole % 60)]
    shown = [f"{count}{unit}" for unit, count in units if count]
    return " ".join(shown[:2]) or "0s"


@click.command("start")
@_services
@config_option
@json_option
def start(services: tuple[str, ...], config: str, as_json: bool) -> None:
    """Start SERVICES that were stopped or have failed; all by default."""
    _change("start", services, config, as_json)


@click.command("stop")
@_services
@config_option
@json_option
def stop(services: tuple[str, ...], config: str, as_json: bool) -> None:
    """Stop SERVICES; the rest goes on. `decant down` stops everything."""
    _change("stop", services, config, as_json)


@click.command("restart", short_help="Restart services, without a gap.")
@_services
@config_option
@json_option
def restart(services: tuple[str, ...], config: str, as_json: bool) -> None:
    """Restart SERVICES, all by default: the new process is ready before the old one leaves."""
    _change("restart", services, config, as_json)


def _change(verb: str, services: tuple[str, ...], config: str, as_json: bool) -> None:
    from decant_tools.run.control import ask

    document = ask(folder_of(config), verb, timeout_s=120.0, services=list(services))
    if as_json:
        print_json(**document)
    else:
        print_table(
            ("NAME", "STATE", "PID"), [(s["name"], s["state"], str(s["pid"] or "-")) for s in document["services"]]
        )
    failed = [each["name"] for each in document["services"] if verb != "stop" and each["state"] != "ready"]
    if failed:
        raise CommandError(f"Not ready: {', '.join(failed)}.", hint=f"decant logs {' '.join(failed)}")


@click.command("wait")
@click.argument("service")
@click.option("--for", "state", type=click.Choice(["healthy", "up", "down"]), default="healthy", show_default=True)
@click.option("--timeout", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds.")
@config_option
@json_option
def wait(service: str, state: str, timeout: float, config: str, as_json: bool) -> None:
    """Wait until SERVICE is healthy, up (its process runs) or down.

    Exit codes: 0 it is, 1 it failed and never will be, 4 it does not exist or nothing runs, 5 not in time.
    """
    folder, ends = folder_of(config), time.monotonic() + timeout
    while True:
        found = _find(folder, service, state)
        if found is None or _is(found, state):
            break
        if found["state"] == "failed":
            raise CommandError(f"{service} failed: {found['why']}.", hint=f"decant logs {service}")
        if time.monotonic() >= ends:
            why = found["why"] or found["state"]
            raise CommandError(f"{service} is not {state} after {timeout:g} s: {why}.", exit_code=5)
        time.sleep(ASKED_EVERY_S)
    if as_json:
        print_json(service=service, state=state)


def _find(folder: RunFolder, service: str, state: str) -> dict[str, Any] | None:
    """Return a service; None where nothing runs and that is what is waited for."""
    from decant.settings.suggest import suggest
    from decant_tools.run.control import ask

    try:
        services = {each["name"]: each for each in ask(folder, "status")["services"]}
    except CommandError as error:
        if error.exit_code == 4 and state == "down":
            return None
        raise
    if service not in services:
        raise CommandError(f"No service is called {service!r}.", hint=suggest(service, sorted(services)), exit_code=4)
    return dict(services[service])


def _is(found: dict[str, Any], state: str) -> bool:
    processes = found["processes"] or [found]
    if state == "healthy":
        return all(each["health"] == "healthy" for each in processes)
    if state == "up":
        return all(each["pid"] is not None or each["state"] == "outside" for each in processes)
    return all(each["pid"] is None and each["state"] in {"stopped", "failed"} for each in processes)


@click.command("down")
@config_option
@json_option
def down(config: str, as_json: bool) -> None:
    """Stop everything; what a killed supervisor left behind, too. Done when all ports are free."""
    from decant_tools.run.control import ask

    folder = folder_of(config)
    stopped: list[str] = []
    if folder.is_claimed():
        with _supervisor_of(folder) as ended:
            try:
                stopped = ask(folder, "down")["stopping"]
            except CommandError as error:
                if error.exit_code != 4:
                    raise
            _until(lambda: not folder.is_claimed() and ended(), folder)
    elif folder.path.is_dir():
        with folder.claimed():
            stopped = [f"pid {pid}" for pid in folder.clean()]
    if as_json:
        print_json(stopped=stopped)
    else:
        click.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing runs.", err=True)


@contextmanager
def _supervisor_of(folder: RunFolder) -> Iterator[Callable[[], bool]]:
    """Give what says whether the supervisor's process has ended; whoever gets its number later is another one."""
    try:
        process = os.pidfd_open(int(folder.read_state().get("pid", 0)))
    except (OSError, ValueError):  # it ended just now, or has only begun
        yield lambda: True
        return
    try:
        yield lambda: bool(select.select([process], [], [], 0)[0])
    finally:
        os.close(process)


def _until(is_gone: Callable[[], bool], folder: RunFolder) -> None:
    ends = time.monotonic() + STOPPED_WITHIN_S
    while not is_gone():
        if time.monotonic() > ends:
            pid = folder.read_state().get("pid")
            raise CommandError(
                f"The supervisor (pid {pid}) has not stopped after {STOPPED_WITHIN_S:g} s.",
                hint=f"kill -9 {pid}; decant down",
                exit_code=5,
            )
        time.sleep(0.05)
