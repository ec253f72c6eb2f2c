"""Placeholder."""
import click


@click.command("versions")
def command() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")


@click.command("release")
def release() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")
