"""``decant completion``: what a shell runs once, so that Tab knows commands, options and names."""

from __future__ import annotations

from typing import Any

import click

_HOW = {
    "bash": "decant completion bash > ~/.local/share/bash-completion/completions/decant",
    "zsh": 'decant completion zsh > "${fpath[1]}/_decant"',
    "fish": "decant completion fish > ~/.config/fish/completions/decant.fish",
}
"""Where each shell looks by itself."""


@click.command(
    "completion",
    short_help="Print what a shell needs to complete commands with Tab.",
    help="\n".join(
        ["Print a script for SHELL that completes commands, options and the names of projects.\n", "\b", "Examples:"]
        + [f"  {line}" for line in _HOW.values()]
    ),
)
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    from click.shell_completion import ShellComplete, get_completion_class

    kind: Any = get_completion_class(shell)
    made: ShellComplete = kind(ctx.find_root().command, {}, "decant", "_DECANT_COMPLETE")
    click.echo(ShellComplete.source(made))  # bash's own asks for the bash that runs here, which says nothing
