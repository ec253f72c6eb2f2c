"""The command ``decant``."""

from decant.cli.main import main

__all__ = ["main"]
