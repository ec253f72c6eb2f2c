"""``decant init``: what a repository looks like to this toolkit, and a ``decant.toml`` for it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import format_table, json_option, print_json
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant_tools.workspace.foreign import ForeignService
    from decant_tools.workspace.model import Finding, Project
    from decant_tools.workspace.view import View

FILE = "decant.toml"
SHOWN = 20


@click.command(
    "init",
    short_help="Adopt an existing repository.",
    help="""Show what is found in the current folder, and write a small decant.toml there.

    Nothing else is changed, and a decant.toml that is there already is left as it is. The workspace commands work
    without one too.

    \b
    Examples:
      decant init --dry-run
      decant init
      decant init --yes
    """,
)
@click.option("-y", "--yes", is_flag=True, help="Write it without asking.")
@click.option("--dry-run", is_flag=True, help="Print the file, write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 7 if there is something to write.")
@json_option
@click.pass_context
def command(ctx: click.Context, /, *, yes: bool, dry_run: bool, check: bool, as_json: bool) -> None:
    from decant_tools.workspace.view import open_view

    if dry_run and check:
        raise click.UsageError("--dry-run and --check exclude each other.")
    existing = _existing()
    root = existing.parent if existing else Path.cwd()
    view = open_view(root)
    services = _services(view)
    projects = list(view.graph.projects.values())
    content = None if existing else _content(view)
    may_write = not (existing or dry_run or check)
    if may_write and not yes and (as_json or not sys.stdin.isatty()):
        raise CommandError(
            f"{FILE} has to be agreed to, and nobody can be asked here.",
            hint="Add --yes to write it, or --dry-run to see it.",
            exit_code=2,
        )
    if not as_json:
        _show(view, projects, services, is_beside=dry_run)
    if may_write and content is not None:
        if not yes:
            click.echo(f"\n{content}", err=True)
            if not click.confirm(f"Write this as {root / FILE}?", default=True, err=True):
                raise CommandError("Nothing was written.", exit_code=1)
        _write(root / FILE, content)
    if as_json:
        print_json(**_document(view, projects, services, content, is_written=may_write))
    else:
        _close(existing, content, dry_run=dry_run, check=check)
    ctx.exit(7 if check and content is not None else 0)


def _existing() -> Path | None:
    from decant.topology import find_workspace

    return find_workspace()


def _services(view: View) -> dict[str, ForeignService]:
    """Return how each service that is no group of modules is started."""
    from decant.topology import load_workspace
    from decant_tools.workspace.foreign import Foreign, bare_workspace

    has_file = (view.root / FILE).is_file()
    workspace = load_workspace(view.root) if has_file else bare_workspace(view.root)
    found = Foreign(lambda: (workspace, view)).services
    return {service.project.id: service for service in found.values()}


def _content(view: View) -> str:
    """Return the file to write.

    Raises:
        CommandError: When there is nothing to adopt.
    """
    from decant_tools.workspace.discover.init import propose

    if not view.discovery.projects:
        raise CommandError(
            f"There is nothing to adopt in {view.root}: no service and no lib was found.",
            hint="Services are looked for in services/ and apps/, libs in libs/ and packages/. Or use -C DIR.",
            exit_code=4,
        )
    return propose(view.tree, view.discovery, view.root.absolute().name)


def _write(path: Path, content: str) -> None:
    """Write a file that is not there yet, all of it or nothing."""
    passing = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        passing.write_text(content, "utf-8")
        os.link(passing, path)
    except FileExistsError:
        raise CommandError(f"{path} has appeared in the meantime, and is left as it is.", exit_code=1) from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}.", hint="Check the folder's permissions.", exit_code=6
        ) from None
    finally:
        with suppress(OSError):
            passing.unlink()


def _show(view: View, projects: list[Project], services: dict[str, ForeignService], *, is_beside: bool) -> None:
    """Show what was found; on stderr where stdout is for the file."""
    rows = [_row(project, services.get(project.id)) for project in projects]
    for line in format_table(("NAME", "KIND", "PATH", "START", "PORT"), rows):
        click.echo(line, err=is_beside)
    graph = view.graph
    click.echo(f"{len(projects)} projects, {len(graph.edges)} edges between them: decant graph shows them.", err=True)
    for finding in sorted(graph.findings)[:SHOWN]:
        click.echo(_line(finding), err=True)
    if len(graph.findings) > SHOWN:
        click.echo(f"… and {len(graph.findings) - SHOWN} more: decant graph --check", err=True)


def _row(project: Project, service: ForeignService | None) -> tuple[str, ...]:
    start = service.command if service else ""
    port = str(service.port) if service and service.port else ""
    return project.name, project.kind, project.path or ".", start, port


def _line(finding: Finding) -> str:
    return f"{finding.level}: {finding.at}: {finding.message}" + (f" {finding.fix}" if finding.fix else "")


def _close(existing: Path | None, content: str | None, *, dry_run: bool, check: bool) -> None:
    if existing:
        click.echo(f"{existing} is there already, and is left as it is.", err=True)
    elif dry_run:
        click.echo("", err=True)
        click.echo(content, nl=False)
    elif check:
        click.echo(f"There is no {FILE}: decant init would write one.", err=True)
    else:
        click.echo(f"Wrote {FILE}. Next: decant up, decant affected, decant test", err=True)


def _document(
    view: View, projects: list[Project], services: dict[str, ForeignService], content: str | None, *, is_written: bool
) -> dict[str, Any]:
    return {
        "root": str(view.root.absolute()),
        "projects": [
            {
                "name": project.name,
                "kind": project.kind,
                "path": project.path,
                "command": (services[project.id].command or None) if project.id in services else None,
                "port": (services[project.id].port or None) if project.id in services else None,
            }
            for project in projects
        ],
        "edges": len(view.graph.edges),
        "findings": [finding._asdict() for finding in sorted(view.graph.findings)],
        "file": FILE,
        "content": content,
        "written": is_written,
    }
