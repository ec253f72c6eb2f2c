"""``decant task``, ``test``, ``lint`` and ``build``: what is to be done for projects, and only where it has to be."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from decant.errors import CommandError
from decant_tools.workspace.completion import project_names

if TYPE_CHECKING:
    from decant_tools.workspace.affected import Selection
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.tasks.order import Plan
    from decant_tools.workspace.tasks.session import Options, Session
    from decant_tools.workspace.view import View

F = TypeVar("F", bound=Callable[..., Any])

INTERRUPTED = 130
_FILE = click.Path(dir_okay=False, path_type=Path)

_HELP = """{sentence}

    PROJECTS are names, folders, or ids such as lib:common; by default the one of the current folder, or all. What
    passed before with the same inputs is not run again: its output is shown.

    \b
    Examples:
{examples}
    """


def _options(function: F) -> F:
    """Add the options that all these commands have."""
    for decorator in reversed((
        click.argument("projects", nargs=-1, shell_complete=project_names),
        click.option("--affected", "is_affected", is_flag=True, help="Only what the changes since a base reach."),
        click.option("--base", metavar="REV", help="With --affected: what to compare with."),
        click.option("--head", metavar="REV", help="With --affected: what to judge.  [default: the files on disk]"),
        click.option("--strict-base", is_flag=True, help="With --affected: exit code 6 where there is no base."),
        click.option("--all", "is_all", is_flag=True, help="All projects, wherever this is called."),
        click.option("--parallel", type=click.IntRange(1), metavar="N", help="How many at once."),
        click.option(
            "--fail-fast/--continue", default=False, help="End everything at the first failure, or go on with the rest."
        ),
        click.option("--no-cache", is_flag=True, help="Use no kept result, and keep none."),
        click.option("--force", is_flag=True, help="Run everything, and keep the results."),
        click.option("--dry-run", is_flag=True, help="Only say what would run, and why."),
        click.option("--relax", is_flag=True, help="Take the nearest version where one does not exist."),
        click.option("--junit", type=_FILE, metavar="FILE", help="Write JUnit XML."),
        click.option(
            "--summary", type=_FILE, metavar="FILE",
            help="Add a summary in Markdown.  [default: $GITHUB_STEP_SUMMARY]",
        ),
        click.option("-v", "--verbose", is_flag=True, help="Show all output on a terminal, too."),
        click.option("-t", "--topology", help="The topology; the workspace's default otherwise."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    )):  # fmt: skip
        function = decorator(function)
    return function


def _help(sentence: str, *examples: str) -> str:
    return _HELP.format(sentence=sentence, examples="\n".join(f"      {example}" for example in examples))


@click.command(
    "task",
    short_help="Run a task of projects, where its inputs changed.",
    help=_help(
        "Run the task NAME of projects: of [tasks.NAME] in decant.toml, or a target of their Makefiles.",
        "decant task docs",
        "decant task generate orders billing --force",
        "decant task test --affected --base origin/main",
        "decant task build --dry-run",
    ),
)
@click.argument("name")
@_options
@click.pass_context
def task(ctx: click.Context, /, name: str, **chosen: Any) -> None:
    _main(ctx, name, chosen)


@click.command(
    "test",
    short_help="Test projects, where something changed.",
    help=_help(
        "Run the tests of projects, each in its own environment.",
        "decant test",
        "decant test --affected",
        "decant test orders libs/common",
        "decant test --affected --precise",
    ),
)
@_options
@click.option("--precise", is_flag=True, help="With --affected: only the test files that reach a changed file.")
@click.pass_context
def test(ctx: click.Context, /, **chosen: Any) -> None:
    _main(ctx, "test", chosen)


@click.command(
    "build",
    short_help="Build projects, where something changed.",
    help=_help(
        "Build projects and what they depend on: a context of just their files, a wheel or zip, an image.",
        "decant build",
        "decant build orders",
        "decant build --affected --json",
    ),
)
@_options
@click.pass_context
def build(ctx: click.Context, /, **chosen: Any) -> None:
    _main(ctx, "build", chosen)


@click.command(
    "lint",
    short_help="Check the code of projects, where something changed.",
    help=_help(
        "Run the linters that the workspace's root sets up on projects.",
        "decant lint",
        "decant lint --affected",
        "decant lint orders --force",
    ),
)
@_options
@click.pass_context
def lint(ctx: click.Context, /, **chosen: Any) -> None:
    _main(ctx, "lint", chosen)


def _main(ctx: click.Context, name: str, chosen: dict[str, Any]) -> None:
    from decant_tools.workspace.root import find_root, nobody_in
    from decant_tools.workspace.tasks.session import Session
    from decant_tools.workspace.view import open_view

    chosen.setdefault("precise", False)
    _check(chosen)
    root = find_root()
    view = open_view(root, topology=chosen["topology"])
    nobody = [] if view.graph.projects else [nobody_in(root)]
    for note in nobody:
        _say(note)
    selection = _select(view, chosen) if chosen["is_affected"] else None
    session = Session(view, _options_of(chosen), _say, topology=chosen["topology"])
    plan, notes = _plan(session, name, _projects(view, root, chosen, selection), chosen, selection)
    for note in notes:
        _say(note)
    if chosen["dry_run"]:
        _foretell(session, plan, selection, as_json=chosen["as_json"])
        return
    ctx.exit(_run(session, plan, selection, [*nobody, *notes], name, chosen, colour=ctx.color is not False))


def _check(chosen: dict[str, Any]) -> None:
    """Refuse what contradicts itself."""
    if chosen["precise"]:
        chosen["is_affected"] = True
    needing = [f"--{name.replace('_', '-')}" for name in ("base", "head", "strict_base") if chosen[name]]
    if needing and not chosen["is_affected"]:
        raise click.UsageError(f"{needing[0]} needs --affected.")
    if chosen["is_all"] and (chosen["projects"] or chosen["is_affected"]):
        raise click.UsageError("--all leaves nothing to choose: without it, name projects or use --affected.")
    if chosen["force"] and chosen["no_cache"]:
        raise click.UsageError("--force keeps results, --no-cache does not: use one of them.")


def _options_of(chosen: dict[str, Any]) -> Options:
    from decant_tools.workspace.tasks.session import Options

    return Options(
        chosen["parallel"],
        is_failing_fast=chosen["fail_fast"],
        is_read=not (chosen["no_cache"] or chosen["force"]),
        is_written=not chosen["no_cache"],
        is_relaxed=chosen["relax"],
    )


def _select(view: View, chosen: dict[str, Any]) -> Selection:
    from decant_tools.workspace.affected import affected

    selection = affected(view, base=chosen["base"], head=chosen["head"], strict_base=chosen["strict_base"])
    for note in selection.notes:
        _say(note.message)
    if selection.fallback is not None:
        _say(f"Everything is selected [{selection.fallback.code}]: {selection.fallback.reason}")
    return selection


def _projects(view: View, root: Path, chosen: dict[str, Any], selection: Selection | None) -> list[Project]:
    """Return whose task is asked for."""
    from decant_tools.workspace.tasks.choosing import choose, folder_of

    here = None if chosen["is_all"] or selection is not None else folder_of(root, Path.cwd())
    found = choose(view.graph, chosen["projects"], here, root)
    if selection is None:
        return found
    ids = selection.ids
    return [project for project in found if project.id in ids]


def _plan(
    session: Session, name: str, projects: list[Project], chosen: dict[str, Any], selection: Selection | None
) -> tuple[Plan, list[str]]:
    """Return what is to run, and what is to be said about it."""
    are_named = bool(chosen["projects"])
    plan = session.plan(
        name, projects, is_named=are_named and selection is None, is_reached=selection is not None and not are_named
    )
    notes = session.definitions.notes
    if not chosen["precise"] or selection is None:
        return plan, notes
    from decant_tools.workspace.tasks.precise import narrow

    plan, said = narrow(session, plan, selection)
    return plan, [*notes, *said]


def _foretell(session: Session, plan: Plan, selection: Selection | None, *, as_json: bool) -> None:
    """Print what a run would do."""
    from decant.cli.output import print_json, print_table

    found = session.forecast(plan)
    if as_json:
        from decant_tools.workspace.tasks.reports import forecast_row

        print_json(dry_run=True, **_selected(selection), tasks=[forecast_row(each) for each in found])
        return
    rows = [(str(each.task.id), each.cache, "; ".join(each.reasons)) for each in found]
    if rows:
        print_table(("TASK", "CACHE", "WHY"), rows)
    runs = sum(each.cache in {"miss", "off"} for each in found)
    hits = sum(each.cache == "hit" for each in found)
    _say(f"{len(found)} task{'' if len(found) == 1 else 's'}: {runs} would run, {hits} would be shown again.")


def _run(
    session: Session, plan: Plan, selection: Selection | None, notes: list[str], name: str, chosen: dict[str, Any], *,
    colour: bool,
) -> int:  # fmt: skip
    """Run everything, tell it, and return the exit code."""
    from decant_tools.workspace.tasks.display import make_display

    out = sys.stderr if chosen["as_json"] else sys.stdout
    display = make_display(
        list(plan.tasks.values()), out, sys.stderr, session.output, colour=colour, is_verbose=chosen["verbose"]
    )
    runner, close = session.runner(plan, display)
    results = runner.run()
    close()
    display.end(results)
    summary = chosen["summary"] or os.environ.get("GITHUB_STEP_SUMMARY")
    if chosen["junit"] or summary or chosen["as_json"]:
        from decant_tools.workspace.tasks import reports

        try:
            if chosen["junit"]:
                reports.write_junit(chosen["junit"], results)
            if summary:
                reports.write_summary(Path(summary), f"decant {name}", results, notes)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error
        if chosen["as_json"]:
            from decant.cli.output import print_json

            document = reports.document(results, session.view.root)
            print_json(task=name, **_selected(selection), notes=notes, **document)
    if runner.is_interrupted:
        return INTERRUPTED
    return 0 if all(result.is_ok for result in results) else 1


def _selected(selection: Selection | None) -> dict[str, Any]:
    """Return what was compared, as ``decant affected`` has it."""
    if selection is None:
        return {}
    fallback = selection.fallback._asdict() if selection.fallback else None
    return {"base": selection.base, "head": selection.head, "fallback": fallback}


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
