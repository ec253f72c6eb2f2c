"""``decant faults``: make a module fail on purpose, and see what the others do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant.faults import Faults, State

NOT_FOUND = 4
LONGEST_S = 30 * 24 * 3600
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Read ``30s``, ``5m`` or ``1h``; a number alone is seconds."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smh]?)", value)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= LONGEST_S:
        raise click.BadParameter(f"{value!r} is no length of time: write for instance 30s, 5m or 1h; 720h at most.")
    return seconds


@click.group("faults", help="List failure switches, and turn them on and off; never in production.")
def command() -> None:
    pass


@command.command("list", help="List every failure switch, what it does, and whether it is on.")
@json_option
@config_option
def list_command(as_json: bool, config: str) -> None:
    _show(_open(config).states(), as_json)


@command.command(
    help="""Turn failure switches on, in every process of the workspace, within half a second.

    \b
    Examples:
      decant faults on catalog.slow
      decant faults on payments.declined --for 5m
    """
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--for", "for_s", metavar="TIME", callback=_seconds, help="Off again after this time: 30s, 5m, 1h.")
@json_option
@config_option
def on(names: tuple[str, ...], for_s: float | None, as_json: bool, config: str) -> None:
    faults = _open(config)
    _change(faults, lambda: faults.turn_on(names, for_s))
    _show([state for state in faults.states() if state.name in names], as_json)


@command.command(help="Turn failure switches off: those named, or all.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@config_option
def off(names: tuple[str, ...], as_json: bool, config: str) -> None:
    faults = _open(config)
    _change(faults, lambda: faults.turn_off(names or None))
    _show([state for state in faults.states() if not names or state.name in names], as_json)


def _open(config: str) -> Faults:
    from decant.service.faults import workspace_faults
    from decant.topology import load_workspace

    faults = workspace_faults(load_workspace(config))
    if not faults.available:
        raise CommandError(
            "There are no failure switches in production.",
            hint="Try failures where nobody is served: unset DECANT_ENV, or name another environment.",
            exit_code=3,
        )
    return faults


def _change(faults: Faults, change: Callable[[], None]) -> None:
    from decant.faults import UnknownSwitch
    from decant.settings.suggest import suggest

    try:
        change()
    except UnknownSwitch as error:
        raise CommandError(error.detail, hint=suggest(error.name, faults.names), exit_code=NOT_FOUND) from error


def _show(states: list[State], as_json: bool) -> None:
    if as_json:
        print_json(faults=[_document(state) for state in states])
    elif states:
        print_table(("SWITCH", "STATE", "WHAT HAPPENS"), [(one.name, _state(one), one.sentence) for one in states])
    else:
        click.echo("No module of this workspace has failure switches: they would be in its faults.py.")


def _document(state: State) -> dict[str, Any]:
    left_s = None if state.left_s is None else round(state.left_s, 1)
    return {"name": state.name, "on": state.on, "left_s": left_s, "sentence": state.sentence}


def _state(state: State) -> str:
    if not state.on:
        return "off"
    if state.left_s is None:
        return "on"
    seconds = max(1, round(state.left_s))
    return f"on, {seconds} s left" if seconds < 120 else f"on, {round(seconds / 60)} min left"
