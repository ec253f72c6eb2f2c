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


@click.command("config")
@click.argument("prefix", required=False)
@click.option("--check", is_flag=True, help="Only say whether everything is right; exit code 3 if not.")
@config_option
@json_option
def command(prefix: str | None, check: bool, config: str, as_json: bool) -> None:
    """Show every setting, its value and where it comes from; secrets are masked.

    PREFIX keeps those whose key or environment name begins with it: `decant config catalog`.
    """
    from decant.topology import load_workspace

    workspace = load_workspace(config)
    rows = all_rows(workspace)
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


def all_rows(workspace: Workspace) -> list[Row]:
    """Return the rows of all settings of a workspace: the toolkit's, then each module's."""
    from decant.settings import explain
    from decant.topology import load_settings

    loaded = load_settings(workspace)
    return [row for (table, _), settings in loaded.instances.items() for row in explain(settings, table)]


def _matching(rows: list[Row], prefix: str) -> list[Row]:
    from decant.settings.suggest import suggest

    wanted = prefix.lower().removeprefix("settings.")
    starts = (wanted, f"decant.{wanted}")
    found = [row for row in rows if row.key.startswith(starts) or row.name.lower().startswith(wanted)]
    if not found:
        tables = sorted({row.key.rpartition(".")[0] or row.key for row in rows})
        raise CommandError(f"No setting begins with {prefix!r}.", hint=suggest(wanted, tables), exit_code=4)
    return found
