"""Reads a ``.env`` file without touching the process's environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from decant.errors import SettingsError
from decant.settings.mask import mask_line
from decant.settings.toml import read_text, relative


class Text(NamedTuple):
    """A value as written, and where."""

    value: str
    source: str


def read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, Text]:
    """Return the names of a file and their values, ``${NAME}`` replaced from above and from the environment.

    A name without a value is left out.

    Raises:
        SettingsError: For every line that is no ``NAME=value``.
    """
    from io import StringIO

    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    label = relative(path)
    found: dict[str, Text] = {}
    faults = []
    for binding in parse_stream(StringIO(read_text(path))):
        text = binding.original.string
        blank = text[: len(text) - len(text.lstrip())].count("\n")  # a binding begins with the empty lines before it
        where = f"{label}:{binding.original.line + blank}"
        if binding.error:
            line = mask_line(text.strip())[:60]
            faults.append(f"{where}: `{line}` is no setting. Write NAME=value, with quotes around spaces.")
        elif binding.key and binding.value is not None:
            known: dict[str, str | None] = {**{name: text.value for name, text in found.items()}, **environ}
            value = "".join(atom.resolve(known) for atom in parse_variables(binding.value))
            found[binding.key] = Text(value, where)
    if faults:
        raise SettingsError(faults)
    return found
