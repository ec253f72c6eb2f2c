"""``decant affected``: which services, libs and modules a change reaches, and why each of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from decant.errors import CommandError
from decant_tools.workspace.completion import project_names

if TYPE_CHECKING:
    from pathlib import Path

    from decant_tools.workspace.affected import Selected, Selection
    from decant_tools.workspace.model import EdgeKind
    from decant_tools.workspace.view import View

KINDS = ("service", "lib", "module")
EDGES = ("manifest", "import", "contract", "event", "copy", "extra")
FORMATS = ("text", "svg", "dot", "mermaid", "json")


@click.command(
    "affected",
    short_help="Show what a change reaches, and why.",
    help="""Show which services, libs and modules the changes since a base reach, and why each of them.

    Compared is with where this branch left the one that it will be merged into; what is not committed counts.

    \b
    Examples:
      decant affected
      decant affected --base origin/main --json
      decant affected --why orders
      decant affected --matrix --kind service
      decant affected --files libs/common/helpers.py services/orders/app.py
    """,
)
@click.argument("paths", nargs=-1)
@click.option("--base", metavar="REV", help="What to compare with.  [default: the branch that this is merged into]")
@click.option("--head", metavar="REV", help="What to judge.  [default: the files on disk]")
@click.option(
    "--files", is_flag=True, help="Judge PATHS, relative to the workspace, and no others; `-` reads them from stdin."
)
@click.option(
    "--why", metavar="PROJECT", shell_complete=project_names, help="Say why this project is affected, or why it is not."
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only these; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--matrix", is_flag=True, help="Print the matrix of a CI as one line of JSON.")
@click.option(
    "--graph",
    is_flag=False,
    flag_value="text",
    type=click.Choice(FORMATS),
    help="Draw the graph with what is affected.",
)
@click.option("--strict-base", is_flag=True, help="Exit code 6 instead of everything where there is no base.")
@click.option("--edges", metavar="KINDS", help=f"Only follow these, with commas: {', '.join(EDGES)}.")
@click.option("-t", "--topology", help="The topology; the workspace's default otherwise.")
@click.option("--verify", is_flag=True, help="Prove it: import everything, and see which files that reads.")
@click.option("--tests", is_flag=True, help="With --verify: run the tests of every project, too.")
@click.option("--samples", type=click.IntRange(1), help="With --verify: only so many files, drawn at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="What they are drawn from.")
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[str, ...], **chosen: Any) -> None:
    from decant_tools.workspace.view import find_root, open_view

    root = find_root()
    if paths and not chosen["files"]:
        raise click.UsageError(f"What is {paths[0]!r}? Files that changed are named after --files.", ctx)
    edges = _edges(chosen["edges"])
    view = open_view(root, topology=chosen["topology"], edges=edges)
    if chosen["verify"]:
        ctx.exit(_verify(view, chosen))
    from decant_tools.workspace.affected import affected

    files = _files(root, paths) if chosen["files"] else None
    selection = affected(
        view, base=chosen["base"], head=chosen["head"], files=files, strict_base=chosen["strict_base"], kinds=edges
    )
    _tell(selection)
    if not view.graph.projects:
        from decant_tools.workspace.root import nobody_in

        click.echo(nobody_in(root), err=True)
    judged = view.at(selection.head) if selection.head else view
    wanted = chosen["kinds"] or KINDS
    items = [item for item in selection.selected if item.project.kind in wanted]
    if chosen["why"]:
        items = _why(judged, selection, chosen["why"], is_told=not chosen["as_json"])
    _show(judged, selection, items, chosen)


def _show(view: View, selection: Selection, items: list[Selected], chosen: dict[str, Any]) -> None:
    """Print what was asked for."""
    from decant_tools.workspace.affected import words

    if chosen["as_json"]:
        _print_json({"schema": 1, **words.document(selection, items)}, indent=2)
    elif chosen["matrix"]:
        _print_json({"include": [words.entry(item) for item in items]}, indent=None)
    elif chosen["graph"]:
        from decant_tools.workspace.draw import render

        changed = frozenset(item.project.id for item in selection.selected if item.why[-1].by == "changed")
        click.echo(render(view.graph, chosen["graph"], changed=changed, affected=selection.ids - changed).rstrip("\n"))
    elif chosen["why"]:
        pass  # it is told already
    elif items:
        from decant.cli.output import print_table

        rows = [[words.plain(cell) for cell in (*words.entry(item).values(), words.last_hop(item))] for item in items]
        print_table(("NAME", "KIND", "PATH", "WHY"), rows)
    else:
        click.echo("Nothing is affected.", err=True)


def _why(view: View, selection: Selection, name: str, *, is_told: bool) -> list[Selected]:
    """Return a project if it is affected; tell why, or why not."""
    from decant_tools.workspace.affected import words
    from decant_tools.workspace.draw import resolve

    node = resolve(view.graph, name)
    found = [item for item in selection.selected if item.project.id == node]
    if is_told and not found:
        click.echo(words.why_not(view.graph, node))
    elif is_told:
        click.echo("\n".join([f"{words.shown(node)} is affected:", *words.chain_lines(found[0].why)]))
    return found


def _tell(selection: Selection) -> None:
    """Say on stderr what was compared, and loudly if everything is selected because something is not known."""
    for note in selection.notes:
        click.echo(note.message, err=True)
    if selection.fallback is not None:
        words = click.style("Everything is selected", fg="yellow", bold=True)
        click.echo(f"{words} [{selection.fallback.code}]: {selection.fallback.reason}", err=True)


def _files(root: Path, paths: tuple[str, ...]) -> list[str]:
    """Return named files relative to the workspace."""
    import os

    if "-" in paths:
        given = os.fsdecode(sys.stdin.buffer.read())
        separator = "\0" if "\0" in given else "\n"
        paths = (*(path for path in paths if path != "-"), *(path for path in given.split(separator) if path.strip()))
    found = [os.path.relpath(path, root) if os.path.isabs(path) else os.path.normpath(path) for path in paths]  # noqa: PTH117 - bytes of any encoding
    outside = [path for path in found if path == ".." or path.startswith(f"..{os.sep}")]
    if outside:
        raise CommandError(
            f"{outside[0]} is not in the workspace {root}.", hint="Paths are relative to the workspace.", exit_code=2
        )
    return [path.replace(os.sep, "/") for path in found]


def _edges(text: str | None) -> frozenset[EdgeKind] | None:
    """Return the kinds of edges that were asked for; None for all."""
    if text is None:
        return None
    wanted = {word.strip() for word in text.split(",") if word.strip()}
    unknown = sorted(wanted - set(EDGES))
    if unknown:
        from decant.settings.suggest import suggest

        raise click.BadParameter(
            f"{unknown[0]!r} is no kind of edge. {suggest(unknown[0], EDGES)}", param_hint="--edges"
        )
    return frozenset(wanted)  # type: ignore[arg-type]


def _print_json(document: dict[str, Any], *, indent: int | None) -> None:
    import json

    text = json.dumps(document, indent=indent, ensure_ascii=False, separators=None if indent else (",", ":"))
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a file name that is no text in this encoding
        text = json.dumps(document, indent=indent, separators=None if indent else (",", ":"))
    click.echo(text)


def _verify(view: View, chosen: dict[str, Any]) -> int:
    """Prove the selection, tell what is missing, and return the exit code."""
    from decant_tools.workspace.affected.verify import verify

    proof = verify(view, samples=chosen["samples"], seed=chosen["seed"], tests=chosen["tests"])
    for node, files in proof.failed.items():
        path, error = next(iter(files.items()))
        more = f" And {len(files) - 1} more." if len(files) > 1 else ""
        click.echo(f"{node}: {path} cannot be imported, so nothing is known of it: {error}{more}", err=True)
    if chosen["as_json"]:
        misses = [miss._asdict() | {"edge": list(miss.edge)} for miss in proof.misses]
        _print_json({"schema": 1, **proof._asdict(), "misses": misses}, indent=2)
    elif proof.misses:
        from decant.cli.output import print_table

        rows = [
            (
                miss.file,
                miss.project,
                f"{miss.edge[0]} -> {miss.edge[1]}",
                miss.at,
                "breaks" if miss.breaks else "reads it",
            )
            for miss in proof.misses
        ]
        print_table(("FILE", "NOT SELECTED", "MISSING EDGE", "AT", "WITHOUT IT"), rows)
        click.echo("Declare what nobody can see, in decant.toml: `needs` and `files` of a service or lib.", err=True)
    click.echo(
        f"{proof.files} files, {proof.projects} projects: {proof.needed} needs found, {len(proof.misses)} missed; "
        f"{proof.over} of {proof.selected} selections are not needed by an import.",
        err=True,
    )
    return 1 if proof.misses else 0
