"""How errors look on the command line, and which exit code each has.

::

    error[settings]: decant.toml:4: there is no module 'catlog'. Did you mean 'catalog'?
    help: what to do about it

An exception that came from the workspace's own code names its file and line, and counts as configuration.

Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 not found or not running, 5 timeout, 6 something
is missing on this machine, 7 would change (``--check``), 70 a bug of ours, 130 interrupted.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import click

from decant.errors import CommandError, DecantError, MissingExtra, SettingsError, SetupError

FAILED = 1
USAGE = 2
CONFIGURATION = 3
PRECONDITION = 6
INTERNAL = 70
INTERRUPTED = 130

_EXTRAS = {
    "alembic": ("alembic", "db"),
    "cryptography": ("cryptography", "auth"),
    "granian": ("granian", "serve"),
    "jwt": ("pyjwt", "auth"),
    "pyreqwest": ("pyreqwest", "rpc"),
    "sqlalchemy": ("sqlalchemy", "db"),
}
"""Packages that a workspace's code imports too, and the extras that bring them."""


class Problem(NamedTuple):
    """An error as it is told."""

    code: str
    details: tuple[str, ...]
    hint: str | None
    exit_code: int


def report(error: Exception, *, json: bool = False) -> int:
    """Tell what went wrong and return the exit code.

    Args:
        error: What was raised.
        json: Print it as one JSON document on stdout as well.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        return INTERRUPTED
    problem = describe(error)
    if json:
        import json as jsonlib

        click.echo(jsonlib.dumps({"schema": 1, "error": as_fields(problem)}, ensure_ascii=False))
    for detail in problem.details:
        click.echo(f"{_label(f'error[{problem.code}]', 'red')} {detail}", err=True)
    if problem.hint:
        click.echo(f"{_label('help', 'cyan')} {problem.hint}", err=True)
    return problem.exit_code


def describe(error: Exception) -> Problem:
    """Return what to tell about an error; one that nobody expected is saved with its traceback."""
    if isinstance(error, SettingsError):
        return Problem(error.code, error.faults or (error.detail,), error.hint, CONFIGURATION)
    if isinstance(error, DecantError):
        return Problem(error.code, (error.detail,), error.hint, _exit_code(error))
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "decant"
        return Problem("usage", (error.format_message(),), f"{where} --help", USAGE)
    if isinstance(error, click.ClickException):
        return Problem("command", (error.format_message(),), None, error.exit_code)
    extra = _EXTRAS.get((error.name or "").partition(".")[0]) if isinstance(error, ModuleNotFoundError) else None
    return describe(MissingExtra(extra[0], extra[1])) if extra else _unexpected(error)


def as_fields(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON's types."""
    return {
        "code": problem.code,
        "details": list(problem.details),
        "hint": problem.hint,
        "exit_code": problem.exit_code,
    }


def _exit_code(error: DecantError) -> int:
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, MissingExtra):
        return PRECONDITION
    return CONFIGURATION if isinstance(error, SetupError) else FAILED


def _unexpected(error: Exception) -> Problem:
    from decant.cli.blame import is_refusal, place_in

    detail = _sentence(error)
    path = _save(error)
    hint = f"The traceback is in {path}" if path else "The traceback could not be saved."
    place = place_in(_root(), error)
    if place is not None:
        return Problem("code", (f"{place}: {detail}",), hint, CONFIGURATION)
    if is_refusal(error):
        return Problem("code", (detail,), hint, CONFIGURATION)
    return Problem("internal", (detail,), hint, INTERNAL)


def _sentence(error: Exception) -> str:
    kind, text = type(error).__name__, error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{kind}: {text}" if text else kind


def _save(error: Exception) -> Path | None:
    """Write a traceback below ``DECANT_HOME``, or to the folder for temporary files."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (_home, Path(tempfile.gettempdir()).absolute):
        try:
            path = folder() / name
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
        except (OSError, DecantError):
            continue
        return path
    return None


def _root() -> Path:
    from decant.topology import find_workspace

    workspace = find_workspace()
    return workspace.parent if workspace else Path.cwd()


def _home() -> Path:
    from decant.home import ensure_home
    from decant.topology import find_workspace

    given = os.environ.get("DECANT_HOME")
    workspace = find_workspace()
    if given is None and workspace is None:
        raise CommandError("No workspace.")
    base = workspace.parent if workspace else Path.cwd()
    return ensure_home(base / (given or ".decant"))


def _label(text: str, colour: str) -> str:
    return click.style(f"{text}:", fg=colour, bold=True) if _coloured() else f"{text}:"


def _coloured() -> bool:
    if os.environ.get("FORCE_COLOR"):
        return True
    return not (os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb")  # click drops colours without a TTY
