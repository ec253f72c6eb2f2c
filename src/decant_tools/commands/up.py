"""``decant up``: everything of a topology on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError


@click.command(
    "up",
    short_help="Run a whole topology on this machine.",
    help="""Run every service of a topology, and what stands before and beside them, until Ctrl-C.

    SERVICES are names of services, with those that they call; all by default. Applications that are found in services/,
    apps/ and the like are services too, with or without a decant.toml.

    \b
    Examples:
      decant up
      decant up --topology services
      decant up orders --no-deps
      decant up user_service --relax
      decant up -d --json
    """,
)
@click.argument("services", nargs=-1)
@click.option("-t", "--topology", help="The topology; the workspace's default otherwise.")
@click.option("-d", "--detach", is_flag=True, help="Return when everything is ready; `decant down` stops it.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port of the public address; 0 for any.")
@click.option("--port-auto", is_flag=True, help="Take another port wherever one is in use.")
@click.option("--no-deps", is_flag=True, help="Start the named SERVICES alone.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds to be ready in.")
@click.option("--wait/--no-wait", default=True, help="With -d: wait until everything is ready.")
@click.option("--reload/--no-reload", default=True, help="Restart the services whose files change.")
@click.option("--migrate/--no-migrate", default=True, help="Bring the databases to their newest revision first.")
@click.option("--seed-data/--no-seed", default=True, help="Run the modules' seeds first.")
@click.option("--faults", metavar="PROFILE", help="Lose, delay and repeat calls between services.")
@click.option("--seed", type=int, default=0, show_default=True, help="What those faults are drawn from.")
@click.option("--relax", is_flag=True, help="Take the nearest version where a required one does not exist.")
@click.option("--report-fd", type=int, hidden=True)
@click.option("--lives-with", type=int, hidden=True)
@config_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, config: str, **options: Any) -> None:
    from decant_tools.workspace.foreign import open_foreign

    foreign = open_foreign(config, topology=options["topology"])
    workspace = foreign.workspace
    if not workspace.services():
        raise CommandError(
            f"The topology {workspace.topology} has nothing to start.",
            hint="Add a module, or a service with a `command`, to decant.toml.",
            exit_code=3,
        )
    if options["detach"]:
        _detach(workspace, foreign, options)
        return
    ctx.exit(_supervise(ctx, workspace, foreign, options))


def _supervise(ctx: click.Context, workspace: Any, foreign: Any, options: dict[str, Any]) -> int:
    from decant.serving.process import obey_parent
    from decant_tools.run.start import Terminal, supervise
    from decant_tools.run.supervisor import Job

    obey_parent(os.environ)
    is_development = workspace.sources.environment != "production"
    steps = [name for name, wanted in (("migrate", options["migrate"]), ("seed", options["seed_data"])) if wanted]
    job = Job(
        workspace.name,
        workspace.root,
        workspace.root / Path(workspace.file.path).name,
        steps=tuple(steps) if is_development else (),
        timeout_s=options["timeout"],
        is_watching=options["reload"] and is_development,
        is_all_or_nothing=options["report_fd"] is not None and options["wait"],
        lives_with=options["lives_with"],
    )
    terminal = Terminal(options["as_json"], ctx.color is not False, options["report_fd"])
    return supervise(workspace, _wanted(options), job, terminal, foreign)


def _wanted(options: dict[str, Any]) -> Any:
    from decant_tools.run.planner import Wanted

    return Wanted(
        options["services"], options["port"], options["port_auto"], not options["no_deps"],
        options["faults"], options["seed"], options["relax"],
    )  # fmt: skip


def _detach(workspace: Any, foreign: Any, options: dict[str, Any]) -> None:
    from decant_tools.run.planner import Planner
    from decant_tools.run.start import detach, refuse_another

    refuse_another(workspace)
    # Here, where somebody sees that it goes on: the other process finds them made.
    Planner(workspace, _wanted(options), "", foreign).prepare(lambda sentence: click.echo(sentence, err=True))
    document = detach(workspace, _arguments(workspace, options), options["timeout"])
    if options["as_json"]:
        print_json(**document)
        return
    rows = [(each["name"], each["state"], ", ".join(each["urls"])) for each in document["services"]]
    print_table(("NAME", "STATE", "URL"), rows)
    click.echo(
        f"{document['workspace']} runs as {document['topology']}: decant ps, decant logs -f, decant down", err=True
    )


def _arguments(workspace: Any, options: dict[str, Any]) -> list[str]:
    """Return the arguments of the process that stays."""
    switches = {"no_deps": "--no-deps", "port_auto": "--port-auto", "relax": "--relax"}
    negated = {"wait": "--no-wait", "reload": "--no-reload", "migrate": "--no-migrate", "seed_data": "--no-seed"}
    found = [*options["services"]]
    if workspace.file.path.is_file():
        config = str(workspace.root / Path(workspace.file.path).name)
        found += ["--config", config, "--topology", workspace.topology]
    found += [flag for name, flag in switches.items() if options[name]]
    found += [flag for name, flag in negated.items() if not options[name]]
    for name in ("port", "faults", "seed", "timeout", "lives_with"):
        if options[name] is not None:
            found += [f"--{name.replace('_', '-')}", str(options[name])]
    return found
