"""``decant db``: the migrations of the modules that a service hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from decant.errors import CommandError

if TYPE_CHECKING:
    from decant.db import Migrations

_SERVICE = click.option("--service", default=None, help="The service whose modules are meant; all by default.")
_MODULES = click.argument("modules", nargs=-1, metavar="[MODULE]...")


@click.group("db", help="Migrate the modules' databases.")
def command() -> None:
    pass


@command.command(help="Bring databases to their newest revision, or one module's to REVISION.")
@_MODULES
@click.option("--revision", default="heads", show_default=True, help="Where to go; needs exactly one module.")
@_SERVICE
def upgrade(modules: tuple[str, ...], revision: str, service: str | None) -> None:
    if revision != "heads" and len(modules) != 1:
        raise CommandError("--revision needs exactly one module.", exit_code=2)
    for migrations in _chosen(modules, service):
        click.echo(f"{migrations.module}: {migrations.upgrade(revision) or 'no migrations'}")


@command.command(help="Show at which revision each database stands.")
@_MODULES
@_SERVICE
def current(modules: tuple[str, ...], service: str | None) -> None:
    for migrations in _chosen(modules, service):
        click.echo(f"{migrations.module}: {migrations.current() or 'empty'}")


@command.command(help="Write a revision file for MODULE.")
@click.argument("module")
@click.option("-m", "--message", required=True, help="What the revision is for.")
@click.option("--autogenerate", is_flag=True, help="Fill it with what the models have and the database lacks.")
@_SERVICE
def revision(module: str, message: str, autogenerate: bool, service: str | None) -> None:
    (migrations,) = _chosen((module,), service)
    click.echo(migrations.revision(message, autogenerate=autogenerate))


@command.command(help="Fail when models and databases differ.")
@_MODULES
@_SERVICE
def check(modules: tuple[str, ...], service: str | None) -> None:
    differing = {migrations.module: migrations.differences() for migrations in _chosen(modules, service)}
    for module, differences in differing.items():
        click.echo(f"{module}: {'differs' if differences else 'in step'}")
        for difference in differences:
            click.echo(f"  {difference}")
    if any(differing.values()):
        raise CommandError(
            "Models and databases differ.",
            hint="Run `decant db upgrade`; if they still differ: decant db revision MODULE -m '…' --autogenerate",
        )


def _chosen(names: tuple[str, ...], service: str | None) -> list[Migrations]:
    """Return the migrations of the named modules, or of all, in the order in which modules depend on each other."""
    from decant.db import migrations_of
    from decant.service import create_app

    runtime: Any = create_app(service).extensions["decant"]
    modules = {module.name: module for module in runtime.modules}
    unknown = sorted(set(names) - modules.keys())
    if unknown:
        raise CommandError(
            f"No such module: {', '.join(unknown)}.", hint=f"There are: {', '.join(sorted(modules))}.", exit_code=4
        )
    return [
        migrations_of(module, runtime.databases[name]) for name, module in modules.items() if not names or name in names
    ]
