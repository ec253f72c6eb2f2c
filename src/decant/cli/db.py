"""``decant db``: the migrations of the workspace's modules, whichever services they run in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from decant.cli.chosen import EVERYTHING
from decant.errors import CommandError
from decant.serving.target import CONFIG

if TYPE_CHECKING:
    from decant.db import Migrations
    from decant.service import Runtime

_CONFIG = click.option("--config", envvar="DECANT_CONFIG", default=CONFIG, show_default=True, help="The workspace.")
_MODULES = click.argument("modules", nargs=-1, metavar="[MODULE]...")


@click.group("db", help="Migrate and seed the modules' databases.")
def command() -> None:
    pass


@command.command(help="Bring databases to their newest revision, or one module's to REVISION.")
@_MODULES
@click.option("--revision", default="heads", show_default=True, help="Where to go; needs exactly one module.")
@_CONFIG
def upgrade(modules: tuple[str, ...], revision: str, config: str) -> None:
    if revision != "heads" and len(modules) != 1:
        raise CommandError("--revision needs exactly one module.", exit_code=2)
    for migrations in _chosen(modules, config):
        click.echo(f"{migrations.module}: {migrations.upgrade(revision) or 'no migrations'}")


@command.command(
    help="Bring MODULE's database back to REVISION, by default one step.",
    context_settings={"ignore_unknown_options": True},  # -2 is two steps back
)
@click.argument("module")
@click.argument("revision", default="-1")
@_CONFIG
def downgrade(module: str, revision: str, config: str) -> None:
    (migrations,) = _chosen((module,), config)
    click.echo(f"{module}: {migrations.downgrade(revision) or 'empty'}")


@command.command(help="Show the newest revisions that the code has.")
@_MODULES
@_CONFIG
def heads(modules: tuple[str, ...], config: str) -> None:
    for migrations in _chosen(modules, config):
        click.echo(f"{migrations.module}: {', '.join(migrations.heads()) or 'no migrations'}")


@command.command(help="Write the SQL of an upgrade to the terminal, without asking the database.")
@_MODULES
@click.option("--revision", default="heads", show_default=True, help="Where to go; needs exactly one module.")
@click.option("--since", help="Where the database stands; empty by default. Needs exactly one module.")
@_CONFIG
def sql(modules: tuple[str, ...], revision: str, since: str | None, config: str) -> None:
    if (revision != "heads" or since) and len(modules) != 1:
        raise CommandError("--revision and --since need exactly one module.", exit_code=2)
    for migrations in _chosen(modules, config):
        click.echo(f"-- {migrations.module}\n\n{migrations.sql(revision, since=since)}")


@command.command(help="Run the modules' seeds: what a fresh database should hold.")
@_CONFIG
def seed(config: str) -> None:
    for name in _everything(config).seed():
        click.echo(f"{name}: seeded")


@command.command(help="Show at which revision each database stands.")
@_MODULES
@_CONFIG
def current(modules: tuple[str, ...], config: str) -> None:
    for migrations in _chosen(modules, config):
        click.echo(f"{migrations.module}: {migrations.current() or 'empty'}")


@command.command(help="Write a revision file for MODULE.")
@click.argument("module")
@click.option("-m", "--message", required=True, help="What the revision is for.")
@click.option("--autogenerate", is_flag=True, help="Fill it with what the models have and the database lacks.")
@_CONFIG
def revision(module: str, message: str, autogenerate: bool, config: str) -> None:
    (migrations,) = _chosen((module,), config)
    click.echo(migrations.revision(message, autogenerate=autogenerate))


@command.command(help="Fail when models and databases differ.")
@_MODULES
@_CONFIG
def check(modules: tuple[str, ...], config: str) -> None:
    differing = {migrations.module: migrations.differences() for migrations in _chosen(modules, config)}
    for module, differences in differing.items():
        click.echo(f"{module}: {'differs' if differences else 'in step'}")
        for difference in differences:
            click.echo(f"  {difference}")
    if any(differing.values()):
        raise CommandError(
            "Models and databases differ.",
            hint="Run `decant db upgrade`; if they still differ: decant db revision MODULE -m '…' --autogenerate",
        )


def _chosen(names: tuple[str, ...], config: str) -> list[Migrations]:
    """Return the migrations of the named modules, or of all, in the order in which modules depend on each other."""
    from decant.db import migrations_of

    runtime = _everything(config)
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


def _everything(config: str) -> Runtime:
    from decant.service import create_app, runtime_of

    return runtime_of(create_app(EVERYTHING, config=config))
