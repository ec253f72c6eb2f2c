"""Makes a wheel with the backend that a project names, without the network where the backend is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from decant.errors import CommandError
from decant_tools.workspace.environments.indexes import find_uv, pip_environ, uv_environ
from decant_tools.workspace.environments.versions import as_version
from decant_tools.workspace.release.archives import EPOCH_S

DEADLINE_S = 600.0
SHOWN_LINES = 15
_LEGACY = "setuptools.build_meta:__legacy__"
_HAS = "import importlib.metadata as m, sys\nfor n in sys.argv[1:]: print(m.version(n))"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_AT_LEAST = re.compile(r"(?:>=|==|~=)\s*(\d[\w.]*)")
_BY_ITSELF = "70.1"
"""From here on setuptools makes wheels without the distribution ``wheel``."""
_PRETEND = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "UV_DYNAMIC_VERSIONING_BYPASS",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
)

Packaging = Literal["declared", "possible", "none"]


class BackendError(CommandError):
    """A backend made no wheel."""

    code = "build"
    title = "Build failed"


def packaging_of(manifest: Path) -> Packaging:
    """Return whether a ``pyproject.toml`` says that a project is a package.

    Args:
        manifest: The file; it need not be there.

    Returns:
        ``declared`` with a build system, ``possible`` with metadata alone, else ``none``.

    Raises:
        CommandError: Exit code 3, when it is no TOML.
    """
    if not manifest.is_file():
        return "none"
    data = read_manifest(manifest)
    if data.get("tool", {}).get("uv", {}).get("package") is False:
        return "none"
    return "declared" if "build-system" in data else "possible" if "project" in data else "none"


def read_manifest(manifest: Path) -> dict[str, Any]:
    """Return what a ``pyproject.toml`` says.

    Raises:
        CommandError: Exit code 3, when it is no TOML.
    """
    try:
        return tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{manifest.name} of {manifest.parent.name} is no TOML: {error}.", exit_code=3) from error


def build_wheel(folder: Path, out: Path, *, pythons: Iterable[Path] = (), pretended: str | None = None) -> Path:
    """Make the wheel of a project, and return it.

    Args:
        folder: The project's folder; the backend may write into it.
        out: Where the wheel goes.
        pythons: Pythons that may have the backend; this one is always asked.
        pretended: The version to tell backends that would ask git, or None to tell them nothing.

    Raises:
        BackendError: When the backend fails or cannot be had.
    """
    system = read_manifest(folder / "pyproject.toml").get("build-system", {})
    required = [text for text in system.get("requires", ["setuptools"]) if _NAME.match(text)]
    candidates = [*pythons, Path(sys.executable)]
    python = next((each for each in candidates if has_backend(each, required)), None)
    with tempfile.TemporaryDirectory(prefix="decant-wheel-") as made:
        command, environ = _command(folder, Path(made), python)
        versions = dict.fromkeys(_PRETEND, pretended) if pretended else {}
        _run(command, folder, {**environ, **versions, "SOURCE_DATE_EPOCH": str(EPOCH_S)}, required, python)
        wheels = sorted(Path(made).glob("*.whl"))
        if not wheels:
            raise BackendError(f"The backend of {folder.name} made no wheel and did not say why.")
        return Path(shutil.move(wheels[-1], out / wheels[-1].name))


def has_backend(python: Path, required: Sequence[str]) -> bool:
    """Return whether a Python has what a build needs, and nothing older than that.

    Args:
        python: The program.
        required: Requirements, as in ``[build-system]``.
    """
    names = [match[0].lower() for text in required if (match := _NAME.match(text))]
    versions = _versions(python, names)
    for text, version in zip(required, versions, strict=False):
        least = _AT_LEAST.search(text.split(";")[0])
        if least and as_version(version) < as_version(least[1]):
            return False
    known = dict(zip(names, versions, strict=False))
    if as_version(known.get("setuptools", _BY_ITSELF)) < as_version(_BY_ITSELF):
        return bool(_versions(python, ["wheel"]))
    return len(versions) == len(names)


def _versions(python: Path, names: Sequence[str]) -> list[str]:
    """Return the versions of distributions that a Python has; nothing where it lacks one."""
    command = [str(python), "-I", "-c", _HAS, *names]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if done.returncode else done.stdout.split()


def _command(folder: Path, out: Path, python: Path | None) -> tuple[list[str], Mapping[str, str]]:
    """Return the command line; without a Python that has the backend, it is fetched from the index."""
    uv = find_uv()
    own = [str(python or sys.executable)]
    if uv:
        apart = ["--no-build-isolation", "--offline"] if python else []
        command = [uv, "build", "--wheel", "--out-dir", str(out), "--python", *own, *apart, str(folder)]
        return command, os.environ | uv_environ()
    if _versions(Path(own[0]), ["build"]):
        apart = ["--no-isolation"] if python else []
        return [*own, "-m", "build", "--wheel", "--outdir", str(out), *apart, str(folder)], os.environ | pip_environ()
    apart = ["--no-build-isolation", "--no-index"] if python else []
    quiet = ["--quiet", "--disable-pip-version-check"]
    command = [*own, "-m", "pip", "wheel", *quiet, "--no-deps", "--wheel-dir", str(out), *apart, str(folder)]
    return command, os.environ | pip_environ()


def _run(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], required: Sequence[str], python: Path | None
) -> None:
    try:
        done = subprocess.run(
            command, check=False, cwd=folder, env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"The wheel of {folder.name} was not there after {DEADLINE_S:g} s.", exit_code=5) from error
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-SHOWN_LINES:]
        raise BackendError(
            "\n  ".join([f"The wheel of {folder.name} could not be built:", *said]), hint=_hint(required, python)
        )


def _hint(required: Sequence[str], python: Path | None) -> str:
    if python is None:
        names = " ".join(f"'{text}'" if set(text) & set("<>;[ ") else text for text in required)
        return f"Its backend is not here, or too old. `pip install -U {names}` lets it be built without an index."
    if any("scm" in name or "vcs" in name or "versioning" in name for name in required):
        return "Its version comes from git, which the pruned files know nothing of: set SETUPTOOLS_SCM_PRETEND_VERSION."
    return f"The backend ran with {python}."
