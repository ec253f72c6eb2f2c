"""``DECANT_HOME``: the folder for what belongs to the running workspace and to no module's database."""

from __future__ import annotations

from pathlib import Path

from decant.errors import SetupError


def ensure_home(path: Path) -> Path:
    """Create the folder if it is missing, readable by its owner alone and ignored by git.

    Args:
        path: Usually ``.decant`` beside ``decant.toml``, or what ``DECANT_HOME`` says.

    Raises:
        SetupError: When it cannot be created.
    """
    path = path.absolute()
    ignore = path / ".gitignore"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise SetupError(
            f"The folder {path} for run-time state cannot be used: {error.strerror}.",
            hint="Point DECANT_HOME at a folder that this user may write to.",
        ) from error
    return path
