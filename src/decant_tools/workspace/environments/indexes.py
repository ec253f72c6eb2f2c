"""Where packages come from: whatever the user has set up for pip or uv. Nothing of it is kept or shown."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ASKED_WITHIN_S = 30.0

_OF_UV: Mapping[str, str] = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
"""What pip's settings are called in uv, which does not read them."""

_INDEX = re.compile(r"-i\b|--index-url\b|--pypi-url\b")
_SECTIONS = ("global", "install", ":env:")
_FOREIGN = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "CONDA_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "UV_PROJECT_ENVIRONMENT",
)


def find_uv() -> str | None:
    """Return the path of ``uv``, on ``PATH`` or beside this interpreter; None where there is none."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if os.access(beside, os.X_OK) else None)


def pip_environ() -> dict[str, str]:
    """Return the environment for pip: this process's, without what belongs to another Python."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def uv_environ(options: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment for uv: this process's, and pip's settings where uv has none of its own.

    Args:
        options: Those of requirement files. An index in them comes in place of pip's, as it does for pip.
    """
    environ = pip_environ()
    own = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX"}
    settings = {} if own & set(environ) else _pip_settings()
    replaced = {"index-url", "extra-index-url"} if any(map(_INDEX.match, options)) else set()
    for key, name in _OF_UV.items():
        if key not in replaced and (value := settings.get(key)):
            separator = "," if name == "UV_FIND_LINKS" else " "
            environ.setdefault(name, separator.join(value.split()))
    if "UV_EXTRA_INDEX_URL" in environ or any(
        text.startswith("--extra-index-url") for text in options
    ):  # pip looks through all of them for the best version
        environ.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return environ


def _pip_settings() -> dict[str, str]:
    """Return pip's settings, whichever file or name they come from; none where there is no pip."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], env=pip_environ(), timeout=ASKED_WITHIN_S, text=True,
            capture_output=True, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        if section in found:
            found[section][name] = _text(value)
    return {name: value for section in _SECTIONS for name, value in found[section].items()}


def _text(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value
