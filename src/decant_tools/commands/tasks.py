"""Placeholder."""
import click


@click.command("task")
def task() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")


@click.command("test")
def test() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")


@click.command("build")
def build() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")


@click.command("lint")
def lint() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")
