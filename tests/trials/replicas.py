"""The guarded application as it is served: one process or several, each asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.acceptance.running import Running, copy_workspace, environment, free_port, start, stop, wait_ready
from tests.support.attacks.forger import SECRET, private_key

VAULT = Path(__file__).with_name("vault")
ISSUER = "vault"


def key_settings(family: str) -> dict[str, str]:
    """Return the settings of a service whose key is the forger's."""
    if family == "HS256":
        return {"JWT_SECRET_KEY": SECRET}
    pem = private_key(family).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"DECANT_AUTH_SIGNING_KEY": pem.decode()}


@contextmanager
def replicas(
    folder: Path, names: Sequence[str] = ("one",), env: Mapping[str, str] | None = None, **each: Mapping[str, str]
) -> Iterator[Running]:
    """Serve the application in a process for each name, all with the same ``DECANT_HOME``.

    Args:
        folder: Where it is copied to.
        names: Of the processes.
        env: Settings of all of them; a signing key by default.
        each: More settings of one of them, by its name.
    """
    workspace = folder / "vault"
    if not workspace.exists():
        copy_workspace(VAULT, workspace, "monolith")
    home = workspace / ".decant"
    home.mkdir(exist_ok=True)
    made = Running("monolith", home)
    try:
        for name in names:
            port = free_port()
            own = environment(
                home,
                {"DECANT_LOG_FORMAT": "json", **(key_settings("EdDSA") if env is None else env), **each.get(name, {})},
            )
            made.urls[name] = f"http://127.0.0.1:{port}"
            arguments = ["serve", "vault", "--bind", f"127.0.0.1:{port}"]
            made.processes[name] = start(workspace, arguments, own, home / f"{name}.log")
        for name, url in made.urls.items():
            wait_ready(made, name, url)
        yield made
    finally:
        stop(made)
