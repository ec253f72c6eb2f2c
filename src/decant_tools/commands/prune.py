"""Placeholder."""
import click


@click.command("prune")
def command() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")
