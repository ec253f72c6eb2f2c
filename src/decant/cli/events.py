"""``decant events``: what is on its way between modules, and what was given up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from decant.cli.chosen import EVERYTHING
from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant.events import Event
    from decant.events.book import Book, Entry, Only
    from decant.service import Runtime

STATES = ("pending", "waiting", "parked", "delivered")
LISTED = ("ID", "STATE", "MODULE", "TYPE", "KEY", "TRIES", "SINCE", "REASON")
FOLLOW_S = 0.5
NOT_FOUND = 4

_module_option = click.option("--module", "modules", multiple=True, help="Only those of this module.")
_type_option = click.option("--type", "type_", help="Only those of this type.")
_key_option = click.option("--key", help="Only those with this key.")


@click.group("events", help="List, show, follow, retry, drop and publish events. EVENT is an id, or how one begins.")
def command() -> None:
    pass


@command.command(
    "list",
    help="""List events, the oldest first; without --state those that are not where they should be.

    \b
    Examples:
      decant events list
      decant events list --state parked --json | jq '.events[].id'
    """,
)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only those in this state.")
@_module_option
@_type_option
@_key_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Per module and state.")
@json_option
@config_option
def list_command(
    *,
    states: tuple[str, ...],
    modules: tuple[str, ...],
    type_: str | None,
    key: str | None,
    limit: int,
    as_json: bool,
    config: str,
) -> None:
    wanted = states or STATES[:3]
    entries = _entries(_open(config, modules)[1], wanted, _only(type_, key), limit, modules)
    if as_json:
        print_json(events=[_document(entry) for entry in entries])
    elif entries:
        print_table(
            ["ID", "STATE", "MODULE", "TYPE", "KEY", "TRIES", "SINCE", "REASON"], [_row(one) for one in entries]
        )
    else:
        click.echo(f"No event is {' or '.join(wanted)}.")


@command.command(help="Show EVENT: its fields, where it stands, and why.")
@click.argument("event")
@json_option
@config_option
def show(event: str, as_json: bool, config: str) -> None:
    entries = _find(_open(config, ())[1], event)
    if as_json:
        print_json(events=[{**_document(entry), "traceback": entry.traceback} for entry in entries])
        return
    for entry in entries:
        click.echo(f"{entry.message.type} {entry.message.id} at {entry.module}: {entry.state}")
        if entry.reason:
            click.echo(f"\nafter {entry.attempts} attempts, the last {_time(entry.at)}: {entry.reason}")
        if entry.traceback:
            click.echo(f"\n{entry.traceback.rstrip()}")
        click.echo(f"\n{json.dumps(entry.envelope, indent=2, ensure_ascii=False)}\n")
    if any(entry.state == "parked" for entry in entries):
        click.echo(f"It waits for a person: decant events retry {entries[0].message.id}, or drop.")


@command.command(help="Show the last events that were delivered; -f waits for more.")
@click.option("-f", "--follow", is_flag=True, help="Go on until interrupted.")
@click.option("-n", "--lines", default=10, show_default=True, type=click.IntRange(0, 10_000), help="How many.")
@_module_option
@_type_option
@_key_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line.")
@config_option
def tail(
    *,
    follow: bool,
    lines: int,
    modules: tuple[str, ...],
    type_: str | None,
    key: str | None,
    as_json: bool,
    config: str,
) -> None:
    from decant.events.book import delivered

    runtime, book = _open(config, modules)
    entries = _entries(book, ("delivered",), _only(type_, key), max(1, lines), modules)
    for entry in entries if lines else ():
        _print_line(entry, as_json)
    if not follow:
        return
    transport = _runner(runtime).transport
    last = max((message.receipt for message in transport.browse(limit=1, newest=True)), default=0)
    while True:
        for message in transport.browse(after=last):
            last = message.receipt
            entry = delivered(message)
            if _only(type_, key).takes(message) and (not modules or entry.module in modules):
                _print_line(entry, as_json)
        time.sleep(FOLLOW_S)


def _parked_events(function: Callable[..., None]) -> Callable[..., None]:
    """Let a command name parked events: one by one, or with ``--all`` those that the options choose."""
    function = _module_option(_type_option(_key_option(function)))
    function = click.option("--all", "everything", is_flag=True, help="All that are parked.")(function)
    return click.argument("events", nargs=-1, metavar="[EVENT]...")(function)


@command.command(help="Put parked events back: EVENT, or with --all all that the options name.")
@_parked_events
@json_option
@config_option
def retry(
    *,
    events: tuple[str, ...],
    everything: bool,
    modules: tuple[str, ...],
    type_: str | None,
    key: str | None,
    as_json: bool,
    config: str,
) -> None:
    runtime, book = _open(config, modules)
    count = sum(book.retry(only, modules) for only in _parked(book, events, everything, type_, key))
    _told(runtime, count, "put back; tried again within a second where the module runs", as_json)


@command.command(help="Forget parked events for good: EVENT, or with --all all that the options name.")
@_parked_events
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@config_option
def drop(
    *,
    events: tuple[str, ...],
    everything: bool,
    modules: tuple[str, ...],
    type_: str | None,
    key: str | None,
    yes: bool,
    as_json: bool,
    config: str,
) -> None:
    runtime, book = _open(config, modules)
    wanted = _parked(book, events, everything, type_, key)
    if not yes:
        click.confirm("Dropped events are lost to their handlers for good. Drop them?", abort=True, err=True)
    _told(runtime, sum(book.drop(only, modules) for only in wanted), "dropped", as_json)


@command.command(help="Publish an event of TYPE with the fields of a JSON object, as its module would.")
@click.argument("type_", metavar="TYPE")
@click.argument("fields", metavar="JSON")
@click.option("--module", help="Whose outbox; by default the one whose event it is.")
@json_option
@config_option
def publish(type_: str, fields: str, module: str | None, as_json: bool, config: str) -> None:
    from pydantic import ValidationError

    from decant.events import publish as publish_event
    from decant.events.doorbell import ring

    runtime, _ = _open(config, (module,) if module else ())
    kind = _kind(type_)
    owner = module or _owner(runtime, kind)
    try:
        event = kind.model_validate_json(fields, extra="forbid")
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'JSON'}: {one['msg']}" for one in error.errors())
        raise CommandError(f"That is no {type_}: {faults}", exit_code=2) from error
    with runtime.databases[owner].transaction() as session:
        event_id = publish_event(session, event)
    ring(runtime.plan.home)
    if as_json:
        print_json(id=event_id, module=owner)
    else:
        click.echo(f"{event_id}: in the outbox of {owner}")


@command.command(help="Show how much waits at each module, and for how long.")
@json_option
@config_option
def lag(as_json: bool, config: str) -> None:
    _, book = _open(config, ())
    counts, lags = book.counts(), {found.group: found for found in book.lags()}
    rows = []
    for module in sorted(counts.keys() | lags.keys()):
        found = lags.get(module)
        behind = {"behind": found.rows if found else 0, "behind_s": round(found.oldest_s, 3) if found else 0}
        rows.append({"module": module, **(counts.get(module) or dict.fromkeys(STATES[:3], 0)), **behind})
    if as_json:
        print_json(modules=rows)
    else:
        titles = ["MODULE", "PENDING", "WAITING", "PARKED", "BEHIND", "OLDEST S"]
        print_table(titles, [list(map(str, row.values())) for row in rows])


def _open(config: str, modules: Collection[str]) -> tuple[Runtime, Book]:
    """Build every module in one process, nothing started, and open its book."""
    from decant.events.book import Book
    from decant.service import create_app, runtime_of

    runtime = runtime_of(create_app(EVERYTHING, config=config))
    unknown = sorted(set(modules) - runtime.databases.keys())
    if unknown:
        there = ", ".join(sorted(runtime.databases)) or "none"
        raise CommandError(
            f"No module with a database is called {', '.join(unknown)}.",
            hint=f"There are: {there}.",
            exit_code=NOT_FOUND,
        )
    return runtime, Book(runtime.databases, _runner(runtime).transport)


def _runner(runtime: Runtime) -> Any:
    if runtime.events is None:
        raise CommandError("No module of this workspace has a database, so there are no events.", exit_code=NOT_FOUND)
    return runtime.events


def _only(type_: str | None, key: str | None, id_: str | None = None) -> Only:
    from decant.events.book import Only

    return Only(type_, key, id_)


def _entries(book: Book, states: Collection[Any], only: Only, limit: int, modules: Collection[str]) -> Sequence[Entry]:
    return [entry for entry in book.entries(states, only, limit) if not modules or entry.module in modules]


def _find(book: Book, event: str) -> Sequence[Entry]:
    """Return where one event stands; it may wait at several modules.

    Raises:
        CommandError: When there is none, or several begin so.
    """
    from decant.events.book import STATES as ALL

    found = book.entries(ALL, _only(None, None, event), 100)
    ids = sorted({entry.message.id for entry in found})
    if not ids:
        raise CommandError(
            f"There is no event {event}.",
            hint="decant events list shows those that wait; one that was handled is kept for a day.",
            exit_code=NOT_FOUND,
        )
    if len(ids) > 1:
        raise CommandError(
            f"Several events begin with {event}.", hint=f"There are: {', '.join(ids[:10])}.", exit_code=2
        )
    apart = [entry for entry in found if entry.state != "delivered"]
    return apart or found


def _parked(book: Book, events: Sequence[str], everything: bool, type_: str | None, key: str | None) -> Sequence[Only]:
    """Return what a command that changes parked events is about.

    Raises:
        CommandError: When nothing is named, or something that is not parked.
    """
    if bool(events) == everything:
        raise CommandError("Name events, or --all.", hint="decant events list --state parked", exit_code=2)
    if everything:
        return [_only(type_, key)]
    found = [_find(book, event) for event in events]
    for entries in found:
        if not any(entry.state == "parked" for entry in entries):
            raise CommandError(
                f"The event {entries[0].message.id} is {entries[0].state}, not parked.", exit_code=NOT_FOUND
            )
    return [_only(type_, key, entries[0].message.id) for entries in found]


def _told(runtime: Runtime, count: int, what: str, as_json: bool) -> None:
    from decant.events.doorbell import ring

    ring(runtime.plan.home)
    if as_json:
        print_json(count=count)
    else:
        click.echo(f"{count} {what}")


def _kind(type_: str) -> type[Event]:
    """Return the class of a type, among those that the workspace's modules declare."""
    from decant.events import Event

    known: dict[str, type[Event]] = {}
    waiting = [Event]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            known[kind.event_type] = kind
            waiting.append(kind)
    if type_ not in known:
        there = ", ".join(sorted(name for name in known if name)) or "none"
        raise CommandError(f"No module declares the event {type_}.", hint=f"There are: {there}.", exit_code=NOT_FOUND)
    return known[type_]


def _owner(runtime: Runtime, kind: type[Event]) -> str:
    """Return whose event it is: the module in whose package the class stands, or which its type begins with."""
    words = [*reversed(kind.__module__.split(".")), kind.event_type.partition(".")[0]]
    for word in words:
        if word in runtime.databases:
            return word
    raise CommandError(
        f"Nothing tells which module publishes {kind.event_type}.", hint="Say so: --module NAME", exit_code=2
    )


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.message.id,
        "state": entry.state,
        "module": entry.module,
        "type": entry.message.type,
        "key": entry.message.key,
        "attempts": entry.attempts,
        "at": _time(entry.at),
        "reason": entry.reason,
        "event": entry.envelope,
    }


def _row(entry: Entry) -> list[str]:
    message = entry.message
    tries = str(entry.attempts) if entry.attempts else "-"
    return [
        message.id,
        entry.state,
        entry.module,
        message.type,
        message.key or "-",
        tries,
        _time(entry.at),
        entry.reason or "-",
    ]


def _print_line(entry: Entry, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_document(entry), ensure_ascii=False))
        return
    envelope = entry.envelope
    data = envelope.get("data") if isinstance(envelope, dict) else envelope
    fields = json.dumps(data, ensure_ascii=False)
    click.echo(f"{_time(entry.at)}  {entry.message.type}  {entry.message.key or '-'}  {fields}")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
