"""The entry of ``decant``: its verbs are imported when they are called, so ``--help`` is instant."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from decant.cli.entries import Entry, entries, entry
from decant.cli.errors import INTERRUPTED, report

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

ENTRY_POINTS = "decant.commands"
"""The entry point group in which other packages offer verbs."""

HELP_POINTS = "decant.help"
"""The entry point group of tables that say in one line what those verbs are for, by the verb's name."""


class Verb(NamedTuple):
    """A command that is imported when it is called."""

    target: str
    help: str


VERBS: Mapping[str, Verb] = {
    "run": Verb("decant.cli.run:command", "Start one service with the development server."),
    "serve": Verb("decant.cli.serve:command", "Start one service with the production server."),
    "worker": Verb("decant.cli.worker:command", "Do one service's background work: events and sagas."),
    "gateway": Verb("decant.cli.gateway:command", "Serve the public address of a topology."),
    "routes": Verb("decant.cli.routes:command", "Show every route: method, path, module, public or not."),
    "shell": Verb("decant.cli.shell:command", "Open a Python shell inside of a service."),
    "config": Verb("decant.cli.config:command", "Show every setting, its value and where it comes from."),
    "topology": Verb("decant.cli.topology:command", "Show which module runs in which service."),
    "events": Verb("decant.cli.events:command", "List, show, follow, retry, drop and publish events."),
    "sagas": Verb("decant.cli.sagas:command", "List, show, retry and compensate sagas."),
    "faults": Verb("decant.cli.faults:command", "List failure switches, and turn them on and off."),
    "db": Verb("decant.cli.db:command", "Migrate the modules' databases."),
    "keys": Verb("decant.cli.keys:command", "Show and rotate the keys of access tokens."),
    "completion": Verb("decant.cli.completion:command", "Print what a shell needs to complete commands with Tab."),
}


Fallback = Callable[[click.Context, str], click.Command | None]
"""Returns the command that a word stands for, or None."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and only then.

    Args:
        verbs: Names, where each command lies (``package.module:attribute``) and what it is for.
        entry_points: The entry point group that adds more.
        fallback: Asked for a word that is neither.
    """

    def __init__(
        self, *, verbs: Mapping[str, Verb], entry_points: str, fallback: Fallback | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.fallback = fallback
        self.verbs = verbs
        self.entry_points = entry_points

    @cached_property
    def added(self) -> Mapping[str, Entry]:
        """What other packages offer; the first who offers a name has it."""
        return {each.name: each for each in reversed([*entries(self.entry_points)]) if each.name not in self.verbs}

    @cached_property
    def summaries(self) -> Mapping[str, str]:
        """What other packages say of their verbs, without any of those being imported."""
        found: dict[str, str] = {}
        for each in entries(HELP_POINTS):
            with contextlib.suppress(Exception):  # help is shown, whatever else is installed
                found = {**each.load(), **found}
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*self.verbs, *sorted(self.added)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = self.verbs.get(cmd_name)
        if verb is not None:
            module, _, attribute = verb.target.partition(":")
            return _as_command(getattr(importlib.import_module(module), attribute), verb.target)
        added = self._find(cmd_name)
        if added is not None:
            return _as_command(added.load(), added.value)
        return self.fallback(ctx, cmd_name) if self.fallback else None

    def _find(self, name: str) -> Entry | None:
        """Return another package's verb; once all are known, nothing is looked up again."""
        known = self.__dict__.get("added")
        return entry(self.entry_points, name) if known is None else known.get(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, *rest = args
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            from difflib import get_close_matches

            known = self.list_commands(ctx)
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
            ctx.fail(f"There is no command '{name}'. {hint}")
        return name if command else None, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summary(name)) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete) if incomplete.startswith("-") else []
        return [*(CompletionItem(name, help=self.summary(name)) for name in names), *options]

    def summary(self, name: str) -> str:
        """Return a command's line in the help, without importing what is not ours."""
        if name in self.verbs:
            return self.verbs[name].help
        return self.summaries.get(name) or f"(from {self.added[name].distribution or 'elsewhere'})"


def _module_command(ctx: click.Context, name: str) -> click.Command | None:
    """Return the commands that a module of the workspace brings."""
    from decant.cli.modules import module_command

    return module_command(ctx, name, os.environ.get("DECANT_CONFIG") or "decant.toml")


def _as_command(value: Any, target: str) -> click.Command:
    if not isinstance(value, click.Command):
        raise TypeError(f"{target} is no click command")
    return value


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"decant {version('flask-decant')}")
        ctx.exit()


def _go_to(_ctx: click.Context, _param: click.Parameter, folder: Path | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _no_color(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        ctx.color = False


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    entry_points=ENTRY_POINTS,
    fallback=_module_command,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `decant topology` and `decant run`. `decant COMMAND --help` tells more.",
)
@click.option(
    "-C",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    is_eager=True,
    expose_value=False,
    callback=_go_to,
    help="Go to this folder first.",
)
@click.option("--no-color", is_flag=True, is_eager=True, expose_value=False, callback=_no_color, help="No colours.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def group() -> None:
    """Write a modular monolith in Flask; decant it into services without changing its code."""


def run(args: Sequence[str] | None = None, command: click.Command = group) -> int:
    """Run the command line and return its exit code; whatever goes wrong is told on stderr, never as a traceback.

    Args:
        args: The arguments; those of the process by default.
        command: What to run.
    """
    args = list(sys.argv[1:] if args is None else args)
    return guarded(lambda: command.main(args, prog_name="decant", standalone_mode=False), json="--json" in args)


def guarded(work: Callable[[], Any], *, json: bool = False) -> int:
    """Return the exit code of some work, with its errors reported.

    Args:
        work: What to do; an integer that it returns is the exit code.
        json: Print an error as a JSON document on stdout too.
    """
    try:
        code = work()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the edge of the process
        return report(error, json=json)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run ``decant`` and leave the process."""
    sys.exit(run())
