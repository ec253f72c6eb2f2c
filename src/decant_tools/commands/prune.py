"""``decant prune``: exactly what one project needs, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decant.cli.output import json_option, print_json
from decant.errors import CommandError
from decant_tools.workspace.completion import project_names

if TYPE_CHECKING:
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.view import View


@click.command(
    "prune",
    short_help="Copy exactly what one service needs into a folder.",
    help="""Copy exactly what PROJECT needs into a folder: its own files, the libs it depends on, the part of the lock
    file that they need. The layout is kept, so relative paths go on working.

    \b
    Examples:
      decant prune orders -o out
      docker build -f out/services/orders/Dockerfile out
      decant prune orders --list
    """,
)
@click.argument("project", shell_complete=project_names)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The folder.  [default: .decant/pruned/PROJECT]")
@click.option("--list", "only_list", is_flag=True, help="Only list the files.")
@click.option("--with-tests", is_flag=True, help="Take tests, too.")
@click.option("--force", is_flag=True, help="Replace what was pruned into the folder before.")
@click.option("-t", "--topology", help="The topology whose services host the modules.")
@json_option
def command(
    *,
    project: str,
    output: Path | None,
    only_list: bool,
    with_tests: bool,
    force: bool,
    topology: str | None,
    as_json: bool,
) -> None:
    from decant_tools.workspace.prune import check_output, ignore_output, prune_project, write_pruned
    from decant_tools.workspace.store import home_of
    from decant_tools.workspace.view import find_root, open_view

    view = open_view(find_root(), topology=topology)
    found = _find(view, project)
    out = output or home_of(view.root) / "pruned" / found.name.replace("/", "-")
    if not only_list:
        check_output(view.root, out, force=force or output is None)
    pruned = prune_project(view, found, with_tests=with_tests)
    if not only_list:
        write_pruned(view.root, pruned, out)
        if view.git is not None and ignore_output(view.git, out):
            click.echo(f"note: git ignores {out} now, by a line in .git/info/exclude.", err=True)
    if as_json:
        print_json(
            project={"name": found.name, "kind": found.kind, "path": found.path},
            output=None if only_list else str(out),
            files=list(pruned.files),
            changed=sorted(pruned.changed),
            notes=list(pruned.notes),
        )
        return
    for note in pruned.notes:
        click.echo(f"note: {note}", err=True)
    if only_list:
        click.echo("".join(f"{path}\n" for path in pruned.files), nl=False)
        return
    click.echo(f"{len(pruned.files)} files in {out}", err=True)
    if pruned.dockerfile:
        click.echo(f"Build it with `docker build -f {out / pruned.dockerfile} {out / pruned.context}`.", err=True)


def _find(view: View, name: str) -> Project:
    """Return the service or lib of a name; ``kind:name`` where both are called so.

    Raises:
        CommandError: Exit code 4, when there is none.
    """
    from decant.settings.suggest import suggest

    projects = view.graph.projects
    order = {"service": 0, "lib": 1}
    candidates = sorted((each for each in projects.values() if each.kind in order), key=lambda each: order[each.kind])
    for each in candidates:
        if name in {each.id, each.name} or (name.strip("/") == each.path and not each.modules):
            return each
    if f"module:{name}" in projects:
        raise CommandError(
            f"{name} is a module; what is pruned is the service that hosts it.",
            hint=f"Host it alone: `decant prune {name} --topology services`.",
            exit_code=4,
        )
    known = [each.name for each in candidates]
    raise CommandError(f"No service or lib is called {name!r}.", hint=suggest(name, known), exit_code=4)
