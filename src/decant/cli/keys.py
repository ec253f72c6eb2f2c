"""``decant keys``: the keys of access tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

    from decant.auth import Identity
    from decant.auth.keyring import Keys


@click.group("keys", help="Show and rotate the keys of access tokens.")
def command() -> None:
    pass


@command.command("list", help="Show the keys that access tokens are taken of, and which of them signs.")
@config_option
@json_option
def list_keys(config: str, as_json: bool) -> None:
    identity, folder = _identity(config)
    rows = _rows(identity.keys) if identity.configured or any(folder.glob("*.pem")) else []
    if as_json:
        print_json(keys=[dict(zip(("kid", "algorithm", "use"), row, strict=True)) for row in rows])
    elif rows:
        print_table(("KID", "ALGORITHM", "USE"), rows)
    else:
        click.echo(f"There are no keys yet: the first service that needs one makes it in {folder}.")


@command.command(help="Make a new key in DECANT_HOME; the old ones verify until their last access token has expired.")
@config_option
def rotate(config: str) -> None:
    from decant.auth import KeyFolder
    from decant.auth.keyring import ANNOUNCE_S

    identity, folder = _identity(config)
    keys = identity.keys
    if not isinstance(keys, KeyFolder):
        raise CommandError(
            "The keys come from the settings, and this command cannot change those.",
            hint="Give the new key to DECANT_AUTH_VERIFYING_KEYS everywhere; then make it DECANT_AUTH_SIGNING_KEY and "
            "leave the old public key among the verifying ones until its last access token has expired. Signing by "
            "JWT_SECRET_KEY has no rotation; a service with DECANT_AUTH_JWKS_URL follows the one that signs.",
            exit_code=6,
        )
    click.echo(f"{keys.rotate().kid} in {folder} signs in {ANNOUNCE_S} s, without a restart.")


def _identity(config: str) -> tuple[Identity, Path]:
    """Return the identity of a workspace's services, and the folder where keys are made outside of production."""
    from decant.auth import Identity
    from decant.home import ensure_home
    from decant.settings import AuthSettings, RuntimeSettings, Urls, load_one
    from decant.settings.sources import PRODUCTION
    from decant.topology import load_workspace

    workspace = load_workspace(config)
    sources = workspace.sources
    home = ensure_home(workspace.root / load_one(RuntimeSettings, sources).home.expanduser())
    identity = Identity(
        load_one(AuthSettings, sources),
        workspace=workspace.name,
        home=home,
        urls=load_one(Urls, sources),
        production=sources.environment == PRODUCTION,
    )
    return identity, home / "keys" / "users"


def _rows(keys: Keys) -> list[tuple[str, str, str]]:
    from decant.auth import KeyFolder, Keyring, PublicKeys, RemoteKeys

    if isinstance(keys, RemoteKeys):
        raise CommandError(f"The keys are those at {keys.url}: another service has them.", exit_code=6)
    signing = [keys.signing()] if isinstance(keys, Keyring | KeyFolder) else []
    public = keys.jwks()["keys"] if isinstance(keys, Keyring | KeyFolder | PublicKeys) else []
    signs = [(key.kid, str(key.algorithm), "signs") for key in signing]
    return signs + [
        (key["kid"], key["alg"], "verifies") for key in public if key["kid"] not in {k.kid for k in signing}
    ]
