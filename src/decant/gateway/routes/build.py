"""Gets the manifest: from a file, or from a process of its own, so that the gateway imports no module."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from decant.errors import CommandError, SettingsError
from decant.gateway.base import State
from decant.gateway.routes.assemble import make_routes
from decant.gateway.routes.manifest import Manifest, load_manifest, without_modules
from decant.gateway.routes.router import Routes
from decant.gateway.routes.source import RouteSource
from decant.gateway.run import GatewayOptions
from decant.topology import Workspace, load_workspace

WITHIN_S = 60.0
_COLLECT = "from decant.cli import main; main()"


def routes_of_workspace(state: State, options: GatewayOptions) -> Routes:
    """Make the routes of a gateway's process.

    Raises:
        DecantError: When the workspace, its modules or the manifest are not as they should be.
    """
    source = RouteSource.from_text(options.routes)
    workspace = load_workspace(source.config, topology=source.topology)
    manifest = _prepared(source) or manifest_of(workspace, source.manifest)
    return make_routes(workspace, manifest, state)


def _prepared(source: RouteSource) -> Manifest | None:
    if source.prepared is None or not Path(source.prepared).is_file():
        return None
    path = Path(source.prepared)
    found = _read(path, path.name)
    path.unlink()
    return found


def manifest_of(workspace: Workspace, file: str | None) -> Manifest:
    """Return the manifest of a workspace.

    Args:
        workspace: The workspace.
        file: The file that holds it; None to build the modules' application in a process of its own.

    Raises:
        SettingsError: For a file that cannot be used.
        CommandError: When the modules cannot be loaded; what is wrong with them stands on stderr.
    """
    if file is not None:
        return _read(Path(file), file)
    if not workspace.modules:
        return without_modules(workspace.name)
    with tempfile.TemporaryDirectory(prefix="decant-") as folder:
        path = Path(folder) / "manifest.json"
        _collect(workspace, path)
        return _read(path, path.name)


def _read(path: Path, name: str) -> Manifest:
    try:
        return load_manifest(path.read_text("utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsError([f"{name} cannot be read: {reason}. Write it: decant routes --manifest {name}"]) from None


def _collect(workspace: Workspace, path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("DECANT_SERVICE", "DECANT_TOPOLOGY")}
    command = [sys.executable, "-c", _COLLECT, "routes", "--manifest", str(path), "--config", str(workspace.file.path)]
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, timeout=WITHIN_S
        )
    except subprocess.TimeoutExpired:
        detail = f"The modules of {workspace.name} did not load within {WITHIN_S:g} s."
        raise CommandError(detail, exit_code=5) from None
    if done.returncode:
        raise CommandError(
            f"The modules of {workspace.name} could not be loaded, so their routes are not known.",
            hint="Correct what stands above, or give their routes: decant gateway --manifest FILE",
            exit_code=done.returncode if 0 < done.returncode < 100 else 1,
        )
