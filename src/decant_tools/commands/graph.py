"""Placeholder."""
import click


@click.command("graph")
def command() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")
