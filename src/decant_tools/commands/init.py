"""Placeholder."""
import click


@click.command("init")
def command() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")
