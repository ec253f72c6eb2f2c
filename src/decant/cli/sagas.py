"""``decant sagas``: what runs in steps, what became of it, and what waits for a person."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from decant.cli.chosen import EVERYTHING
from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant.sagas import Coordinator, Instance

    Found: TypeAlias = tuple[Coordinator, Instance]

STATES = ("running", "compensating", "parked", "done", "compensated")
_SAGA = click.argument("saga", metavar="SAGA")


@click.group("sagas", help="List, show, retry and compensate sagas. SAGA is an id, the beginning of one, or a key.")
def command() -> None:
    pass


@command.command(
    "list",
    help="""List sagas, the newest first; without --state those that have not ended well.

    \b
    Examples:
      decant sagas list
      decant sagas list --state parked --json | jq '.sagas[].id'
    """,
)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only those in this state.")
@click.option("--all", "everything", is_flag=True, help="Those that ended well too.")
@click.option("--module", "modules", multiple=True, help="Only those of this module.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Per module.")
@json_option
@config_option
def list_command(
    states: tuple[str, ...], everything: bool, modules: tuple[str, ...], limit: int, as_json: bool, config: str
) -> None:
    wanted = states or (STATES if everything else STATES[:3])
    coordinators = _coordinators(config, modules)
    found = [(one, instance) for one in coordinators for instance in one.store.list(wanted, limit)]
    if as_json:
        print_json(sagas=[_document(*each) for each in found])
    elif found:
        print_table(["ID", "SAGA", "KEY", "STATE", "STARTED", "STEPS"], [_row(*each) for each in found])
    else:
        click.echo(f"No saga is {', '.join(wanted[:-1])} or {wanted[-1]}." if wanted[1:] else f"None is {wanted[0]}.")


@command.command(help="Show what became of each step of SAGA.")
@_SAGA
@json_option
@config_option
def show(saga: str, as_json: bool, config: str) -> None:
    from decant.sagas import strip

    coordinator, instance = _find(saga, config)
    if as_json:
        print_json(saga=_document(coordinator, instance))
        return
    click.echo(f"{instance.name} {instance.id} of {coordinator.module}: {instance.state}")
    click.echo(f"\n{strip(instance)}\n")
    if instance.failure is not None:
        click.echo(f"because: {instance.failure.detail} ({instance.failure.code} at {instance.failure.step})\n")
    rows = [
        [one.name, one.outcome, str(one.attempts), _time(one.began), _seconds(one.began, one.ended), one.error]
        for one in instance.history
    ]
    if rows:
        print_table(["STEP", "OUTCOME", "TRIES", "BEGAN", "TOOK", "LAST ERROR"], rows)
    if instance.state == "parked":
        click.echo(f"\nIt waits for a person: decant sagas retry {instance.id}, or compensate.")


@command.command(help="Let a parked SAGA go on where it stopped, or one that waits go on at once.")
@_SAGA
@json_option
@config_option
def retry(saga: str, as_json: bool, config: str) -> None:
    def again(coordinator: Coordinator, instance: Instance) -> None:
        coordinator.machine(instance.name).retry(instance, time.time())

    _change(saga, config, again, "goes on within a second where its module runs", as_json)


@command.command(help="Take back what SAGA has done so far, whatever its steps say.")
@_SAGA
@click.option("--reason", default="An operator wanted it so.", help="Kept with it, and given to its last step.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@config_option
def compensate(saga: str, reason: str, yes: bool, as_json: bool, config: str) -> None:
    from decant.sagas import Failure, strip

    def take_back(coordinator: Coordinator, instance: Instance) -> None:
        if instance.failure is not None:
            raise CommandError(
                f"{instance.id} is being compensated already: {strip(instance)}.",
                hint=f"Let it go on: decant sagas retry {instance.id}",
                exit_code=6,
            )
        if not yes:
            click.confirm(f"{strip(instance)}\nTake this back?", abort=True, err=True)
        last = instance.history[-1].step if instance.history else ""
        failure = Failure(last, "saga.operator", reason)
        coordinator.machine(instance.name).compensate(instance, failure, time.time())

    _change(saga, config, take_back, "is taken back within a second where its module runs", as_json)


def _change(wanted: str, config: str, change: Callable[[Any, Any], None], what: str, as_json: bool) -> None:
    from decant.sagas import Fenced

    coordinator, instance = _find(wanted, config)
    if instance.state in {"done", "compensated"}:
        raise CommandError(f"{instance.id} has ended: it is {instance.state}.", exit_code=6)
    if instance.owner:
        raise CommandError(f"A step of {instance.id} runs right now.", hint="Try again when it has ended.", exit_code=6)
    if instance.name not in coordinator.names:
        raise CommandError(
            f"The module {coordinator.module} has no saga {instance.name} any more.",
            hint="Run this with the version of the code that started it.",
            exit_code=6,
        )
    change(coordinator, instance)
    try:
        with coordinator.store.database.transaction() as session:
            coordinator.store.record(session.connection(), instance, "")
    except Fenced as error:
        raise CommandError(
            f"{instance.id} went on meanwhile.", hint=f"Look again: decant sagas show {instance.id}"
        ) from error
    if as_json:
        print_json(saga=_document(coordinator, instance))
    else:
        click.echo(f"{instance.name} {instance.id} {what}.")


def _find(wanted: str, config: str) -> Found:
    found = [(one, instance) for one in _coordinators(config, ()) for instance in one.store.find(wanted)]
    if not found:
        raise CommandError(f"There is no saga {wanted}.", hint="See: decant sagas list --all", exit_code=4)
    if len(found) > 1:
        ids = "\n".join(f"  {instance.id}  {instance.name} {instance.key} {instance.state}" for _, instance in found)
        hint = f"Name one by its id:\n{ids}"
        raise CommandError(f"{len(found)} sagas are meant by {wanted}.", hint=hint, exit_code=2)
    return found[0]


def _coordinators(config: str, modules: tuple[str, ...]) -> list[Coordinator]:
    from decant.service import create_app, runtime_of

    runner = runtime_of(create_app(EVERYTHING, config=config)).sagas
    dispatchers = runner.dispatchers if runner is not None else {}
    unknown = sorted(set(modules) - dispatchers.keys())
    if unknown or not dispatchers:
        hint = f"There are: {', '.join(dispatchers)}." if dispatchers else "No module of this workspace has sagas."
        raise CommandError(f"No module with sagas is called {', '.join(unknown) or '…'}.", hint=hint, exit_code=4)
    return [one.coordinator for name, one in dispatchers.items() if not modules or name in modules]


def _row(coordinator: Coordinator, instance: Instance) -> list[str]:
    from decant.sagas import strip

    name = f"{coordinator.module}.{instance.name}"
    return [instance.id, name, instance.key, instance.state, _time(instance.started_at), strip(instance)]


def _document(coordinator: Coordinator, instance: Instance) -> dict[str, Any]:
    from decant.sagas import strip

    return {
        "id": instance.id,
        "module": coordinator.module,
        "name": instance.name,
        "key": instance.key,
        "state": instance.state,
        "started_at": _time(instance.started_at),
        "due_at": None if instance.due_at is None else _time(instance.due_at),
        "trace_id": instance.trace[3:35],
        "failure": None if instance.failure is None else asdict(instance.failure),
        "strip": strip(instance),
        "steps": [
            {**asdict(one), "began": _time(one.began), "ended": _time(one.ended) if one.ended else None}
            for one in instance.history
        ],
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(began: float, ended: float) -> str:
    return f"{max(0.0, ended - began):.3f} s" if ended else "-"
