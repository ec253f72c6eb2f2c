"""Placeholder."""
import click


@click.command("affected")
def command() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")
