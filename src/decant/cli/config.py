"""``decant config``: every setting, its value and where it comes from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant.settings import Row
    from decant.topology import Workspace

ENTRY_POINTS = "decant.configuration"
"""The entry point group in which another package opens a workspace and adds what is configured there beside settings.

A function of the path that ``--config`` holds; it returns the workspace and more rows.
"""


@click.command("config")
@click.argument("prefix", required=False)
@click.option("--check", is_flag=True, help="Only say whether everything is right; exit code 3 if not.")
@config_option
@json_option
def command(prefix: str | None, check: bool, config: str, as_json: bool) -> None:
    """Show every setting, its value and where it comes from; secrets are masked.

    PREFIX keeps those whose key or environment name begins with it: `decant config catalog`; the name of a service that
    is no module shows how it is started, and its environment: `decant config user_service`.
    """
    workspace, more = _open(config)
    rows = [*all_rows(workspace), *more]
    shown = rows if prefix is None else _matching(rows, prefix)
    if as_json:
        print_json(
            workspace=workspace.name,
            environment=workspace.sources.environment,
            settings=[] if check else [asdict(row) for row in shown],
        )
    elif check:
        click.echo(f"{len(rows)} settings, no faults (environment {workspace.sources.environment}).")
    else:
        print_table(("KEY", "VALUE", "SOURCE"), [(row.key, row.text, row.source) for row in shown])


def _open(config: str) -> tuple[Workspace, list[Row]]:
    """Return a workspace, and the rows that are no settings; one without a ``decant.toml`` too."""
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        workspace, rows = point.load()(config)
        return workspace, rows
    from decant.topology import load_workspace

    return load_workspace(config), []


def all_rows(workspace: Workspace) -> list[Row]:
    """Return the rows of all settings of a workspace: the toolkit's, then each module's.

    In a repository that has no ``decant.toml`` only what was set is one: nothing there uses the toolkit itself.
    """
    from decant.settings import explain
    from decant.topology import load_settings

    loaded = load_settings(workspace)
    rows = [row for (table, _), settings in loaded.instances.items() for row in explain(settings, table)]
    return rows if workspace.file.path.is_file() else [row for row in rows if row.source != "default"]


def _matching(rows: list[Row], prefix: str) -> list[Row]:
    from decant.settings.suggest import suggest

    wanted = prefix.lower().removeprefix("settings.")
    starts = (wanted, f"decant.{wanted}", f"services.{wanted}")
    found = [row for row in rows if row.key.lower().startswith(starts) or row.name.lower().startswith(wanted)]
    if not found:
        tables = sorted({row.key.rpartition(".")[0] or row.key for row in rows})
        raise CommandError(f"No setting begins with {prefix!r}.", hint=suggest(wanted, tables), exit_code=4)
    return found
