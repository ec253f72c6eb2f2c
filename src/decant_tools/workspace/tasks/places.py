"""Where others keep results: a web server or a bucket; what a request to it needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from decant.errors import CommandError
from decant_tools.workspace.tasks.sigv4 import Credentials, encoded, sign

TOKEN, KEY, MODE = "DECANT_CACHE_TOKEN", "DECANT_CACHE_KEY", "DECANT_CACHE_MODE"
_DOCUMENTED = "See operations/remote-cache."


class Place(ABC):
    """Where objects lie, each under a name."""

    @abstractmethod
    def url(self, name: str) -> str:
        """Return the address of an object."""

    @abstractmethod
    def headers(self, method: str, url: str, payload_sha256: str) -> dict[str, str]:
        """Return what a request says about who asks."""


class WebPlace(Place):
    """A server that takes ``GET``, ``HEAD`` and ``PUT`` below an address.

    Args:
        address: ``https://host/prefix``.
        token: A bearer token, or "".
    """

    def __init__(self, address: str, token: str = "") -> None:
        self._address = address.rstrip("/")
        self._token = token

    def url(self, name: str) -> str:
        return f"{self._address}/{name}"

    def headers(self, method: str, url: str, payload_sha256: str) -> dict[str, str]:  # noqa: ARG002 - a bearer signs nothing
        return {"authorization": f"Bearer {self._token}"} if self._token else {}


class Bucket(Place):
    """A bucket of S3, or of what speaks like it.

    Args:
        bucket: Its name.
        prefix: What names of objects begin with, or "".
        credentials: Who asks.
        endpoint: The address of another service than Amazon's, or "".
    """

    def __init__(self, bucket: str, prefix: str, credentials: Credentials, endpoint: str = "") -> None:
        self._credentials = credentials
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        if endpoint:
            self._base = f"{endpoint.rstrip('/')}/{bucket}"
        elif "." in bucket:  # no certificate covers a bucket's own host then
            self._base = f"https://s3.{credentials.region}.amazonaws.com/{bucket}"
        else:
            self._base = f"https://{bucket}.s3.{credentials.region}.amazonaws.com"

    def url(self, name: str) -> str:
        return f"{self._base}/{encoded(self._prefix + name)}"

    def headers(self, method: str, url: str, payload_sha256: str) -> dict[str, str]:
        return sign(self._credentials, method, url, payload_sha256, {}, datetime.now(UTC))


def find_place(url: str, environ: Mapping[str, str]) -> Place:
    """Return the place that an address means.

    Args:
        url: ``https://host/prefix``, ``http://…`` or ``s3://bucket/prefix``.
        environ: Holds the token, or who asks for a bucket.

    Raises:
        CommandError: Exit code 3 for an address that is none; 6 when nothing says who asks for a bucket.
    """
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and parts.hostname and not parts.query and "@" not in parts.netloc:
        return WebPlace(url, environ.get(TOKEN, ""))
    if parts.scheme == "s3" and parts.netloc and not parts.query:
        return Bucket(parts.netloc, parts.path, _credentials(environ), _endpoint(environ))
    raise CommandError(
        f"[cache] url: {url!r} is no address of a cache.",
        hint=f"Write https://host/prefix or s3://bucket/prefix; secrets are in the environment. {_DOCUMENTED}",
        exit_code=3,
    )


def _credentials(environ: Mapping[str, str]) -> Credentials:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise CommandError(
            f"The cache is a bucket, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            hint='With the AWS CLI: eval "$(aws configure export-credentials --format env)"',
            exit_code=6,
        )
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return Credentials(environ[names[0]], environ[names[1]], environ.get("AWS_SESSION_TOKEN", ""), region)


def _endpoint(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
