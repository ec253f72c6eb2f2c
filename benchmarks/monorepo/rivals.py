"""Turborepo and Nx, of fixed versions, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NX, TURBO = "24.0.6", "2.11.11"
INSTALL_S = 180


def install(folder: Path) -> Path | None:
    """Install both with npm, and return their ``node_modules``; None, and a loud line, where that does not work."""
    npm = shutil.which("npm")
    if npm is None:
        return _missing("there is no npm on this machine")
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true}\n')
    argv = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", f"nx@{NX}", f"turbo@{TURBO}"]
    try:
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        return _missing(f"npm took longer than {INSTALL_S} s")
    if done.returncode:
        return _missing(f"npm failed: {done.stderr.strip()[-500:]}")
    return folder / "node_modules"


def _missing(why: str) -> None:
    print(f"\n!!! Turborepo and Nx are NOT measured: {why} !!!\n", file=sys.stderr, flush=True)


def environment(home: Path, *, daemon: bool = False) -> dict[str, str]:
    """Return an environment in which both keep what they keep below one folder, and tell nobody.

    Nx keeps its cache in the user's home by default: to delete ``.nx`` would leave it warm.
    """
    unwanted = ("CI", "TURBO_", "NX_", "DECANT_", "OTEL_", "GIT_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
    return kept | {
        "DO_NOT_TRACK": "1",
        "NX_CACHE_DIRECTORY": str(home / "nx-cache"),
        "NX_DAEMON": "true" if daemon else "false",
        "NX_NO_CLOUD": "true",
        "NX_WORKSPACE_DATA_DIRECTORY": str(home / "nx-data"),
        "TURBO_SCM_BASE": "main",
        "TURBO_TELEMETRY_DISABLED": "1",
        "TURBO_CACHE_DIR": str(home / "turbo"),
    }


def stop_daemon(binaries: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Stop Nx's daemon of a repository."""
    subprocess.run(
        [binaries / "nx", "daemon", "--stop"], cwd=folder, env=dict(environ), check=False, timeout=60,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
