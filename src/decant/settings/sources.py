"""The layers that settings come from, read once; a later layer wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decant.errors import SettingsError
from decant.settings.envfile import Text, read_dotenv
from decant.settings.layers import FlagLayer, Layer, TextLayer, TomlLayer
from decant.settings.toml import TomlFile, read_toml, relative

DEVELOPMENT = "development"
PRODUCTION = "production"
SECRETS_DIR = "/run/secrets"


@dataclass(frozen=True)
class Sources:
    """Every layer, the weakest first, and what it was read for.

    Attributes:
        environment: ``development``, ``production`` or a name of your own (``DECANT_ENV``).
        layers: What :func:`decant.settings.load` looks through.
        environ: Secret files, ``.env`` and the environment together: what a program sees that reads names itself.
    """

    environment: str = DEVELOPMENT
    layers: tuple[Layer, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def toml_layers(self) -> Iterator[TomlLayer]:
        return (layer for layer in self.layers if isinstance(layer, TomlLayer))

    @property
    def text_layers(self) -> Iterator[TextLayer]:
        return (layer for layer in self.layers if isinstance(layer, TextLayer))

    def with_flags(self, flags: Mapping[str, Any]) -> Sources:
        """Return the sources with what the command line says on top."""
        return Sources(self.environment, (*self.layers, FlagLayer(flags)), self.environ)


def read_sources(environ: Mapping[str, str], root: Path | None = None, file: TomlFile | None = None) -> Sources:
    """Read every layer.

    In this order, later wins: ``decant.toml``, ``decant.<env>.toml``, secret files, ``.env``, ``.env.<env>``, the
    environment. Files that are not there are left out.

    Args:
        environ: The environment.
        root: The folder of ``decant.toml``, or None to read no file but secrets.
        file: ``decant.toml`` as read.

    Raises:
        SettingsError: With every fault of every file.
    """
    reading = _Reading(environ, root)
    dotenv = reading.dotenv(".env")
    early = {**{name: text.value for name, text in dotenv.items()}, **{k: v for k, v in environ.items() if v}}
    environment = reading.environment(early)
    layers: list[Layer] = [TomlLayer(file)] if file else []
    layers += reading.toml(f"decant.{environment}.toml")
    secrets = reading.secrets(early)
    more = reading.dotenv(f".env.{environment}")
    own = {name: Text(value, f"environment {name}") for name, value in environ.items()}
    layers += [TextLayer(texts) for texts in (secrets, dotenv, more, own)]
    if reading.faults:
        raise SettingsError(reading.faults)
    merged = {name: text.value for texts in (secrets, dotenv, more) for name, text in texts.items()}
    return Sources(environment, tuple(layers), {**merged, **environ})


class _Reading:
    def __init__(self, environ: Mapping[str, str], root: Path | None) -> None:
        self.environ = environ
        self.root = root
        self.faults: list[str] = []

    def environment(self, environ: Mapping[str, str]) -> str:
        name = environ.get("DECANT_ENV", DEVELOPMENT)
        if re.fullmatch("[A-Za-z0-9_-]+", name):
            return name
        self.faults.append(f"DECANT_ENV is {name[:60]!r}: use letters, digits, - and _, for instance production.")
        return DEVELOPMENT

    def dotenv(self, name: str) -> dict[str, Text]:
        if self.root is None or not (self.root / name).is_file():
            return {}
        try:
            return read_dotenv(self.root / name, self.environ)
        except SettingsError as error:
            self.faults += error.faults
            return {}

    def toml(self, name: str) -> list[TomlLayer]:
        if self.root is None or not (self.root / name).exists():
            return []
        try:
            file = read_toml(self.root / name)
        except SettingsError as error:
            self.faults += error.faults
            return []
        self.faults += [
            f"{file.at(key)}: [{key}] cannot differ by environment: only [settings] may stand in {name}."
            for key in file.data
            if key != "settings"
        ]
        return [TomlLayer(file)]

    def secrets(self, environ: Mapping[str, str]) -> dict[str, Text]:
        folder = Path(environ.get("DECANT_SECRETS_DIR", SECRETS_DIR))
        if not folder.is_dir():
            if "DECANT_SECRETS_DIR" in environ:
                self.faults.append(f"DECANT_SECRETS_DIR: there is no folder {folder}. Create it, or unset the name.")
            return {}
        found: dict[str, Text] = {}
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                self._secret(path, found)
        return found

    def _secret(self, path: Path, found: dict[str, Text]) -> None:
        """Read a secret file, named as its environment name; the line end that editors add is not part of it."""
        try:
            found[path.name] = Text(path.read_text("utf-8").rstrip("\r\n"), relative(path))
        except (OSError, UnicodeDecodeError):
            self.faults.append(f"{relative(path)}: the secret file is not readable UTF-8 text. Check its permissions.")
