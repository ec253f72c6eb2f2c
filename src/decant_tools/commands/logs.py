"""``decant logs``: what the processes of a run wrote, also when nothing runs any more."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import config_option
from decant.errors import CommandError
from decant_tools.commands.running import folder_of

if TYPE_CHECKING:
    from decant_tools.run.folder import RunFolder
    from decant_tools.run.lines import Fields

LEVELS = ("debug", "info", "warning", "error", "critical")
FOLLOW_S = 0.2
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.command("logs", short_help="Show what the services wrote, together.")
@click.argument("services", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(0), help="The last so many lines.  [default: all; 100 with -f]")
@click.option("--since", help="Not older than 30s, 10m, 2h, 1d, or a time such as 2026-11-21T18:00:00Z.")
@click.option("--level", type=click.Choice(LEVELS), help="At least as severe as this.")
@click.option("--grep", help="Lines in which this regular expression is found.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
@config_option
@click.pass_context
def command(
    ctx: click.Context, /, services: tuple[str, ...], follow: bool, lines: int | None, config: str, **chosen: Any
) -> None:
    """Show the merged logs of SERVICES, of all by default: of what runs, or of the last run."""
    from decant_tools.run.logfiles import Follower, processes_in, read_logs

    folder = folder_of(config)
    run = folder.latest()
    if run is None:
        raise CommandError("Nothing of this workspace has run yet.", hint="Start it with `decant up`.", exit_code=4)
    logs = folder.logs(run)
    names = processes_in(logs)
    wanted = _wanted(services, chosen["since"], chosen["level"], chosen["grep"])
    _check(services, names, folder)
    show = _shower(names, is_json=chosen["as_json"], colour=ctx.color is not False)
    follower = Follower(logs)
    found: Iterable[Fields] = (fields for fields in read_logs(logs, names) if wanted(fields))
    last = lines if lines is not None or not follow else 100
    show(found if last is None else deque(found, last))
    while follow:
        show(fields for fields in follower.added() if wanted(fields))
        if folder.latest() != run:
            break
        time.sleep(FOLLOW_S)


def _check(services: tuple[str, ...], names: list[str], folder: RunFolder) -> None:
    """Refuse names that neither left logs nor belong to what runs."""
    from decant.settings.suggest import suggest

    known = sorted({*names, *folder.read_state().get("processes", {})})
    for name in services:
        if name not in known and not any(_belongs(other, name) for other in known):
            raise CommandError(f"No process is called {name!r}.", hint=suggest(name, known), exit_code=4)


def _belongs(process: str, service: str) -> bool:
    """Return whether a process is the service's or one of its replicas."""
    return process == service or bool(re.fullmatch(rf"{re.escape(service)}-\d+", process))


def _wanted(
    services: tuple[str, ...], since: str | None, level: str | None, grep: str | None
) -> Callable[[Fields], bool]:
    from decant_tools.run.lines import is_at_least

    first = _moment(since) if since else ""
    try:
        pattern = re.compile(grep or "")
    except re.error as error:
        raise click.BadParameter(f"{grep!r}: {error}.", param_hint="--grep") from error

    def check(fields: Fields) -> bool:
        return (
            (not services or any(_belongs(str(fields["process"]), name) for name in services))
            and str(fields["time"]) >= first
            and (level is None or is_at_least(fields, level))
            and (not grep or pattern.search(json.dumps(fields, ensure_ascii=False)) is not None)
        )

    return check


def _moment(text: str) -> str:
    """Return a moment as log lines have it."""
    relative = re.fullmatch(r"(\d{1,6})([smhd])", text)
    try:
        if relative:
            found = datetime.now(UTC) - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        else:
            found = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r} is neither 10m nor a time of ISO 8601.", param_hint="--since") from error
    return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shower(names: list[str], *, is_json: bool, colour: bool) -> Callable[[Iterable[Fields]], None]:
    from decant_tools.run.display import is_coloured
    from decant_tools.run.lines import Painter, write_line

    painter = Painter(max(map(len, names), default=0), colour=colour and is_coloured(sys.stdout))

    def show(found: Iterable[Fields]) -> None:
        for fields in found:
            sys.stdout.write(write_line(fields).decode() if is_json else painter.paint(fields))
        sys.stdout.flush()

    return show
