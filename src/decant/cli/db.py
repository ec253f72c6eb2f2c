"""``decant db``: the migrations of the workspace's modules, whichever services they run in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from decant.cli.chosen import EVERYTHING, choose, flask_app
from decant.errors import CommandError
from decant.serving.target import CONFIG

if TYPE_CHECKING:
    from decant.db import Migrations
    from decant.service import Runtime

_MODULES = click.argument("modules", nargs=-1, metavar="[MODULE]...")


class Where(NamedTuple):
    """Whose databases a command is about.

    Attributes:
        service: A service's name, or ``*`` for every module.
        topology: The topology that the service is of; None for the workspace's default.
        config: What ``--config`` says.
    """

    service: str
    topology: str | None
    config: str


def _where(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--service``, ``--topology`` and ``--config`` to a command, which gets them as ``where``."""

    @wraps(function)
    def command(service: str | None, topology: str | None, config: str, **options: Any) -> None:
        function(where=Where(service or EVERYTHING, topology, config), **options)

    for decorator in (
        click.option("--config", envvar="DECANT_CONFIG", default=CONFIG, show_default=True, help="The workspace."),
        click.option("-t", "--topology", help="The topology that --service is of; the workspace's default otherwise."),
        click.option("--service", envvar="DECANT_SERVICE", help="Only this service's modules; all otherwise."),
    ):
        command = decorator(command)
    return command


@click.group("db", help="Migrate and seed the modules' databases.")
def command() -> None:
    pass


@command.command(help="Bring databases to their newest revision, or one module's to REVISION.")
@_MODULES
@click.option("--revision", default="heads", show_default=True, help="Where to go; needs exactly one module.")
@_where
def upgrade(modules: tuple[str, ...], revision: str, where: Where) -> None:
    if revision != "heads" and len(modules) != 1:
        raise CommandError("--revision needs exactly one module.", exit_code=2)
    for migrations in _chosen(modules, where):
        click.echo(f"{migrations.module}: {migrations.upgrade(revision) or 'no migrations'}")


@command.command(
    help="Bring MODULE's database back to REVISION, by default one step.",
    context_settings={"ignore_unknown_options": True},  # -2 is two steps back
)
@click.argument("module")
@click.argument("revision", default="-1")
@_where
def downgrade(module: str, revision: str, where: Where) -> None:
    (migrations,) = _chosen((module,), where)
    click.echo(f"{module}: {migrations.downgrade(revision) or 'empty'}")


@command.command(help="Show the newest revisions that the code has.")
@_MODULES
@_where
def heads(modules: tuple[str, ...], where: Where) -> None:
    for migrations in _chosen(modules, where):
        click.echo(f"{migrations.module}: {', '.join(migrations.heads()) or 'no migrations'}")


@command.command(help="Write the SQL of an upgrade to the terminal, without asking the database.")
@_MODULES
@click.option("--revision", default="heads", show_default=True, help="Where to go; needs exactly one module.")
@click.option("--since", help="Where the database stands; empty by default. Needs exactly one module.")
@_where
def sql(modules: tuple[str, ...], revision: str, since: str | None, where: Where) -> None:
    if (revision != "heads" or since) and len(modules) != 1:
        raise CommandError("--revision and --since need exactly one module.", exit_code=2)
    for migrations in _chosen(modules, where):
        click.echo(f"-- {migrations.module}\n\n{migrations.sql(revision, since=since)}")


@command.command(help="Run the modules' seeds: what a fresh database should hold.")
@_where
def seed(where: Where) -> None:
    for name in _runtime(where).seed():
        click.echo(f"{name}: seeded")


@command.command(help="Show at which revision each database stands.")
@_MODULES
@_where
def current(modules: tuple[str, ...], where: Where) -> None:
    for migrations in _chosen(modules, where):
        click.echo(f"{migrations.module}: {migrations.current() or 'empty'}")


@command.command(help="Write a revision file for MODULE.")
@click.argument("module")
@click.option("-m", "--message", required=True, help="What the revision is for.")
@click.option("--autogenerate", is_flag=True, help="Fill it with what the models have and the database lacks.")
@_where
def revision(module: str, message: str, autogenerate: bool, where: Where) -> None:
    (migrations,) = _chosen((module,), where)
    click.echo(migrations.revision(message, autogenerate=autogenerate))


@command.command(help="Fail when models and databases differ.")
@_MODULES
@_where
def check(modules: tuple[str, ...], where: Where) -> None:
    differing = {migrations.module: migrations.differences() for migrations in _chosen(modules, where)}
    for module, differences in differing.items():
        click.echo(f"{module}: {'differs' if differences else 'in step'}")
        for difference in differences:
            click.echo(f"  {difference}")
    if any(differing.values()):
        raise CommandError(
            "Models and databases differ.",
            hint="Run `decant db upgrade`; if they still differ: decant db revision MODULE -m '…' --autogenerate",
        )


def _chosen(names: tuple[str, ...], where: Where) -> list[Migrations]:
    """Return the migrations of the named modules, or of all, in the order in which modules depend on each other."""
    from decant.db import migrations_of

    runtime = _runtime(where)
    known = {module.name: module for module in runtime.modules if module.name in runtime.databases}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        there_are = ", ".join(sorted(known)) or "none"
        raise CommandError(
            f"No module with a database is called {', '.join(unknown)}.", hint=f"There are: {there_are}.", exit_code=4
        )
    return [
        migrations_of(module, runtime.databases[name]) for name, module in known.items() if not names or name in names
    ]


def _runtime(where: Where) -> Runtime:
    from decant.service import runtime_of

    return runtime_of(flask_app(choose(*where).target))
