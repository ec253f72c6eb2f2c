"""``decant versions`` and ``decant release``: a version for each service and lib, from tags."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import json_option, print_json, print_table
from decant.errors import CommandError
from decant_tools.workspace.completion import project_names

if TYPE_CHECKING:
    from decant_tools.workspace.release import Published, Standing, Step
    from decant_tools.workspace.view import View

NAMED = 8
"""How many files or tags are named; more are counted."""
KINDS = ("service", "lib", "module")
topology_option = click.option("-t", "--topology", help="The topology whose services get versions.")


@click.command(
    "versions",
    short_help="Show the version of each service and lib.",
    help="""Show the version of each service and lib, what has changed since, and what the next version would be.

    A version is a tag: `orders-v1.4.0` is version 1.4.0 of `orders`. Without a tag it is 0.1.0. PROJECTS are names of
    services and libs; with names, the commits are listed.

    \b
    Examples:
      decant versions
      decant versions orders
      decant versions --json
    """,
)
@click.argument("projects", nargs=-1, shell_complete=project_names)
@topology_option
@json_option
def command(projects: tuple[str, ...], topology: str | None, as_json: bool) -> None:
    from decant_tools.workspace.release import check_depth, check_readable, choose, next_versions, standings

    view = _view(topology)
    if view.git is None:
        check_readable(view.root)
        click.echo("note: this is no git repository, so there are no versions yet.", err=True)
    else:
        check_depth(view.git)
    found = standings(view)
    steps = next_versions(found)
    shown = _sorted(choose(found, projects))
    if as_json:
        print_json(versions=[_document(each, steps.get(each.project.id), found) for each in shown])
        return
    print_table(
        ("PROJECT", "KIND", "VERSION", "SINCE", "NEXT", "WHY"),
        [_row(each, steps.get(each.project.id), found) for each in shown],
    )
    if projects:
        _list_commits(shown, found)


@click.command(
    "release",
    short_help="Give versions, changelogs and tags to what changed.",
    help="""Raise the versions of services and libs, write their changelogs, commit, and tag the commit.

    The commits since the last version say which part of it is raised: `fix:` the patch, `feat:` the minor, `feat!:` or
    BREAKING CHANGE the major part (the minor one before 1.0.0). What depends on a released lib is released with it.
    PROJECTS are names of services and libs; everything that changed by default. Nothing is pushed.

    \b
    Examples:
      decant release --dry-run
      decant release --yes
      decant release orders --bump minor
    """,
)
@click.argument("projects", nargs=-1, shell_complete=project_names)
@click.option("--affected", is_flag=True, help="Everything that changed since its version; the default.")
@click.option("--all", "everything", is_flag=True, help="Those that did not change, too.")
@click.option(
    "--bump",
    type=click.Choice(("major", "minor", "patch", "auto")),
    default="auto",
    show_default=True,
    help="Which part to raise; auto: what the commits say.",
)
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-tag", is_flag=True, help="Commit, and leave the tags to a later `decant release`.")
@topology_option
@json_option
@click.pass_context
def release(ctx: click.Context, /, projects: tuple[str, ...], **options: Any) -> None:
    from decant_tools.workspace.release import check_ready, choose, open_for_versions, plan_release, standings

    _check_options(projects, options)
    view = _view(options["topology"])
    git = open_for_versions(view)
    if not options["dry_run"]:
        check_ready(git)
    found = standings(view)
    wanted = choose(found, projects).keys() if projects else None
    steps = plan_release(found, wanted=wanted, bump=options["bump"], everything=options["everything"])
    if not options["as_json"]:
        _show_plan(steps, found)
    published = None
    if steps and not options["dry_run"]:
        _ask(steps, is_agreed=options["yes"])
        published = _publish(view, steps, with_tags=not options["no_tag"])
    if options["as_json"]:
        _print_release(steps, published)
    elif published is not None:
        _tell(published)
    ctx.exit(0)


def _view(topology: str | None) -> View:
    from decant_tools.workspace.view import find_root, open_view

    return open_view(find_root(), topology=topology)


def _check_options(projects: Sequence[str], options: Mapping[str, Any]) -> None:
    if options["affected"] and options["everything"]:
        raise click.UsageError("--affected and --all exclude each other.")
    if projects and options["everything"]:
        raise click.UsageError("Name PROJECTS or use --all, not both.")
    if not (options["yes"] or options["dry_run"] or (sys.stdin.isatty() and not options["as_json"])):
        raise CommandError(
            "A release has to be agreed to, and nobody can be asked here.",
            hint="Add --yes, or --dry-run to see the plan.",
            exit_code=2,
        )


def _ask(steps: Sequence[Step], *, is_agreed: bool) -> None:
    if not is_agreed:
        what = steps[0].title if len(steps) == 1 else f"these {len(steps)} versions"
        click.confirm(f"Release {what}?", abort=True, err=True)


def _publish(view: View, steps: Sequence[Step], *, with_tags: bool) -> Published:
    from datetime import UTC, datetime

    from decant_tools.workspace.release import publish

    return publish(view, steps, date=datetime.now(UTC).date().isoformat(), with_tags=with_tags)


def _sorted(found: Mapping[str, Standing]) -> list[Standing]:
    return sorted(found.values(), key=lambda each: (KINDS.index(each.project.kind), each.project.name))


def _row(standing: Standing, step: Step | None, found: Mapping[str, Standing]) -> tuple[str, ...]:
    version = str(standing.version) + ("" if standing.tag else " (no tag)")
    to, why = (str(step.to), step.why) if step else ("", "")
    return standing.project.name, standing.project.kind, version, _since(standing, found), to, why


def _since(standing: Standing, found: Mapping[str, Standing]) -> str:
    """Return how many commits touch a project, and through what."""
    through = Counter(need for _, need in standing.reasons)
    count = through.total()
    if not count:
        return "-"
    total = f"{count} commit{'s' * (count != 1)}"
    parts = [f"{number} {found[need].project.name if need else 'own'}" for need, number in sorted(through.items())]
    return total if set(through) == {""} else f"{total}: {', '.join(parts)}"


def _list_commits(shown: Sequence[Standing], found: Mapping[str, Standing]) -> None:
    for standing in shown:
        since = standing.tag.name if standing.tag else "the beginning"
        click.echo(f"\n{standing.project.name}, since {since}:")
        for commit, need in standing.reasons:
            through = f"  (through {found[need].project.name})" if need else ""
            click.echo(f"  {commit.id[:10]}  {commit.subject}{through}")
        if not standing.reasons:
            click.echo("  nothing")


def _document(standing: Standing, step: Step | None, found: Mapping[str, Standing]) -> dict[str, Any]:
    reasons = standing.reasons
    return {
        "name": standing.project.name,
        "kind": standing.project.kind,
        "path": standing.project.path,
        "version": str(standing.version),
        "tag": standing.tag.name if standing.tag else None,
        "count": len(reasons),
        "commits": [
            {
                "commit": commit.id,
                "subject": commit.subject,
                "through": found[need].project.name if need else None,
            }
            for commit, need in reasons
        ],
        "next": str(step.to) if step else None,
        "why": step.why if step else None,
    }


def _show_plan(steps: Sequence[Step], found: Mapping[str, Standing]) -> None:
    if not steps:
        click.echo("Nothing has changed since its last version.", err=True)
        return
    print_table(
        ("PROJECT", "FROM", "TO", "WHY", "COMMITS"),
        [
            (
                step.standing.project.name,
                str(step.standing.tag.version) if step.standing.tag else "-",
                str(step.to),
                step.why,
                _since(step.standing, found),
            )
            for step in steps
        ],
    )


def _print_release(steps: Sequence[Step], published: Published | None) -> None:
    print_json(
        commit=published.commit if published else None,
        tags=list(published.tags) if published else [],
        releases=[
            {
                "name": step.standing.project.name,
                "kind": step.standing.project.kind,
                "from": str(step.standing.tag.version) if step.standing.tag else None,
                "to": str(step.to),
                "tag": step.tag,
                "why": step.why,
                "commits": len(step.standing.commits),
            }
            for step in steps
        ],
    )


def _tell(published: Published) -> None:
    if published.is_new:
        click.echo(f"Committed {published.commit[:10]}: {_some(published.files, 'files')}", err=True)
    if published.tags:
        click.echo(f"Tagged {_some(published.tags, 'tags')}", err=True)
        click.echo("Publish it with `git push --follow-tags`.", err=True)


def _some(names: Sequence[str], noun: str) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)} {noun}"
