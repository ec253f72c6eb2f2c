"""``decant graph``: what depends on what, as a tree, a picture, or for programs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import json_option
from decant.errors import CommandError
from decant_tools.workspace.completion import project_names

if TYPE_CHECKING:
    from decant_tools.workspace.draw import Format, Picture
    from decant_tools.workspace.model import Finding
    from decant_tools.workspace.view import View

FORMATS = ("text", "svg", "dot", "mermaid", "json")
SUFFIXES: dict[str, Format] = {
    ".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid", ".json": "json",
}  # fmt: skip
COLOURS = {"[changed]": "red", "[affected]": "yellow"}


@click.command(
    "graph",
    short_help="Show what depends on what.",
    help="""Show what depends on what in this workspace: services, libs and modules.

    PROJECTS are names; with what they need. All by default.

    \b
    Examples:
      decant graph
      decant graph orders
      decant graph --focus common_utils --affected
      decant graph -o graph.svg
      decant graph --check
    """,
)
@click.argument("projects", nargs=-1, shell_complete=project_names)
@click.option("-f", "--format", "chosen", type=click.Choice(FORMATS), help="  [default: what -o ends in, else text]")
@click.option(
    "--focus", metavar="NAME", shell_complete=project_names, help="This project, what it needs and who needs it."
)
@click.option("--affected", "is_affected", is_flag=True, help="Mark what has changed, and what that affects.")
@click.option("--base", metavar="REVISION", help="With --affected: compare with this; see `decant affected`.")
@click.option("--files", is_flag=True, help="Show the files of modules too.")
@click.option("--check", is_flag=True, help="List what is wrong, and exit with 1 if anything is.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
@click.option("-t", "--topology", help="Whose services host the modules; the workspace's default otherwise.")
@json_option
@click.pass_context
def command(ctx: click.Context, /, projects: tuple[str, ...], **options: Any) -> None:
    from decant_tools.workspace.draw import compose, draw, resolve
    from decant_tools.workspace.root import find_root, nobody_in
    from decant_tools.workspace.view import open_view

    if options["base"] and not options["is_affected"]:
        raise click.UsageError("--base says what --affected is compared with: add --affected.")
    view = open_view(find_root(), topology=options["topology"])
    changed, affected = _states(view, options["base"]) if options["is_affected"] else (frozenset(), frozenset())
    graph = view.graph
    if not graph.projects:
        click.echo(nobody_in(view.root), err=True)
    picture = compose(
        graph,
        roots=[resolve(graph, name) for name in projects],
        focus=resolve(graph, options["focus"]) if options["focus"] else None,
        changed=changed,
        affected=affected,
        files=options["files"],
    )
    chosen = _format(options)
    if options["check"] and chosen == "text":
        ctx.exit(_check(picture))
    _write(draw(picture, chosen), options["output"], is_marked=chosen == "text")
    if options["check"]:
        ctx.exit(1 if picture.faults() else 0)
    _hint(picture)


def _format(options: dict[str, Any]) -> Format:
    if options["as_json"] and options["chosen"] not in {None, "json"}:
        raise click.UsageError("--json is --format json.")
    by_name = SUFFIXES.get(options["output"].suffix.lower(), "text") if options["output"] else "text"
    found: Format = "json" if options["as_json"] else options["chosen"] or by_name
    return found


def _states(view: View, base: str | None) -> tuple[frozenset[str], frozenset[str]]:
    """Return which projects have changed, and which are affected."""
    from decant_tools.workspace.affected import affected

    found = affected(view, base=base)
    if found.fallback is not None:
        click.echo(f"Everything is affected: {found.fallback.reason}", err=True)
    changed = {each.project.id for each in found.selected if each.why and each.why[-1].by == "changed"}
    return frozenset(changed), found.ids


def _write(text: str, output: Path | None, *, is_marked: bool) -> None:
    if output is None:
        marks = re.compile(r"\[(changed|affected)\]" if is_marked else r"$^")
        click.echo(marks.sub(lambda found: click.style(found[0], COLOURS[found[0]]), text), nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output}: {error.strerror}.", exit_code=6) from error
    click.echo(f"Wrote {output}.", err=True)


def _check(picture: Picture) -> int:
    """Print what is wrong; on standard error what may be and what is worth knowing; return the exit code."""
    faults = picture.faults()
    for finding in faults:
        click.echo(_line(finding))
    for finding in picture.findings:
        if finding.level != "error" and finding.code != "cycle":  # those are among the faults, with the way round
            click.echo(_line(finding), err=True)
    if not faults:
        click.echo(f"Nothing is wrong: {_count(len(picture.projects), 'project')}.", err=True)
    return 1 if faults else 0


def _line(finding: Finding) -> str:
    from decant_tools.workspace.draw.words import plain

    where = f"{finding.at}: " if finding.at else ""
    return plain(f"{where}{finding.level}[{finding.code}]: {finding.message}{f' {finding.fix}' if finding.fix else ''}")


def _hint(picture: Picture) -> None:
    faults = picture.faults()
    if faults:
        click.echo(f"{_count(len(faults), 'fault')}: decant graph --check", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else f'{noun}s'}"
