"""Keys in files: made once for development, given from outside in production."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from decant.errors import MissingExtra, SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def generate_key() -> bytes:
    """Return a new private key as PEM (PKCS#8)."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise MissingExtra("cryptography", "auth") from error
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def parse_key(pem: bytes | str, origin: str = "the signing key") -> Ed25519PrivateKey:
    """Return the private key in a PEM text.

    Args:
        pem: The text. It is never repeated in an error.
        origin: Where it came from, for the error.

    Raises:
        SetupError: For what is not an unencrypted Ed25519 private key.
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise MissingExtra("cryptography", "auth") from error
    hint = "Make one with: openssl genpkey -algorithm ed25519"
    try:
        key = load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SetupError(f"{origin} is not a private key in PEM format, or it is encrypted.", hint=hint) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SetupError(f"{origin} is not an Ed25519 key.", hint=hint)
    return key


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file; the first process that asks makes it, readable by its owner alone.

    For development only: in production the key comes from a secret, so that every host has the same one.

    Raises:
        SetupError: When the file cannot be read or written, or is readable by others.
    """
    _create_once(path, generate_key)
    return load_key(path)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file.

    Raises:
        SetupError: When the file cannot be read, or is readable by others.
    """
    return parse_key(_read(path), str(path))


def load_or_create_secret(path: Path) -> str:
    """Return the random text in a file; the first process that asks makes it, readable by its owner alone.

    For development only, as :func:`load_or_create_key`.

    Raises:
        SetupError: When the file cannot be read or written, or is readable by others.
    """
    _create_once(path, lambda: secrets.token_hex(32).encode())
    return _read(path).decode("ascii", "replace").strip()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise SetupError(f"Others can read the signing key {path}.", hint=f"Run: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> SetupError:
    return SetupError(
        f"The signing key {path} cannot be used: {error.strerror}.",
        hint="Point DECANT_HOME at a folder that this user may write to.",
    )


def _create_once(path: Path, make: Callable[[], bytes]) -> None:
    try:
        if not path.exists():
            _create(path, make())
    except OSError as error:
        raise _unusable(path, error) from error


def _create(path: Path, content: bytes) -> None:
    """Write a whole key under another name, then link it: whoever comes second finds the first one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
