"""Secrets that a foreign service and the modules share: made once per workspace, in development."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from decant.home import ensure_home
from decant.topology import ServiceSpec

SECRET_BYTES = 32


def shared_secret(home: Path, spec: ServiceSpec, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and value of ``<SERVICE>_SERVICE_SECRET``: 32 random bytes in Base64.

    The environment's comes first, then the one in ``[services.X.env]``, then the one that was made before.

    Args:
        home: Where it is kept, readable by its owner alone.
        spec: The foreign service.
        environ: What may hold one.
    """
    name = spec.env_name.removesuffix("_URL") + "_SECRET"
    return name, environ.get(name) or spec.env.get(name) or _kept(ensure_home(home) / "secrets" / spec.name)


def _kept(path: Path) -> str:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode(), "ascii")
    except FileExistsError:
        pass
    return path.read_text("ascii")
