"""The toolkit's own settings, one class per part; :data:`PARTS` lists them all.

A table's name gives the environment names: ``max_body_bytes`` below ``[settings.decant.http]`` is
``DECANT_HTTP_MAX_BODY_BYTES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from decant.settings.base import Settings

Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1)]


class Urls(Settings):
    """Where the things outside are, under the names that everyone gives them."""

    database_url: str | None = None
    """The database of every module that has no ``<MODULE>_DATABASE_URL``; SQLite files by default."""
    database_replica_url: str | None = None
    """A read replica of that database, for modules that ask for ``ReadSession``; the database itself by default."""
    redis_url: str | None = None
    """Holds revocations and other shared state; files in ``DECANT_HOME`` by default."""
    events_url: str | None = None
    """The broker of events; the embedded log by default."""
    jwt_secret_key: SecretStr | None = None
    """Signs user tokens with HS256 in place of a key pair; at least 32 bytes (RFC 7518, 3.2)."""
    sentry_dsn: SecretStr | None = None
    """Reports errors to Sentry."""


class ModuleUrls(Settings):
    """What every module can be given, beside its own settings."""

    database_url: str | None = None
    """The module's own database; ``DATABASE_URL`` by default."""
    database_replica_url: str | None = None
    """A read replica of it; ``DATABASE_REPLICA_URL`` by default, where the module's database is ``DATABASE_URL``."""


class RuntimeSettings(Settings):
    """The running workspace."""

    home: Path = Path(".decant")
    """Where embedded databases, keys and run state live; relative to the folder of ``decant.toml``."""
    service_key: SecretStr | None = None
    """The private key (PEM) that signs calls between services; made in ``home`` outside of production."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks, with commas between, whose ``X-Forwarded-For``, ``-Proto`` and ``-Host`` are believed."""


class HttpSettings(Settings):
    """How requests are taken and answered."""

    max_body_bytes: Annotated[int, Field(ge=0)] = 8 * 1024 * 1024
    """A larger request body is refused with 413."""
    docs: bool = True
    """Whether ``/docs`` shows the documentation page."""
    metrics_path: Annotated[str, Field(pattern="^(/.*)?$")] = "/metrics"
    """Where metrics are served; "" for nowhere, where the public can reach the service itself."""
    openapi_title: str | None = None
    """The title of ``/openapi.json``; the workspace's name by default."""
    openapi_version: str = "1.0.0"
    """The version that ``/openapi.json`` states."""


class LogSettings(Settings):
    """What is logged, and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """The least severe level that is written."""
    format: Literal["auto", "json", "pretty"] = "auto"
    """``auto`` is pretty on a terminal, and JSON elsewhere."""


class ServeSettings(Settings):
    """The production server of ``decant serve``."""

    server: Literal["granian", "gunicorn", "gevent"] = "granian"
    """``gunicorn`` runs threads, ``gevent`` is gunicorn with greenlets."""
    host: str = "127.0.0.1"
    """The address to bind."""
    port: Port | None = None
    """The port to bind; the topology's by default."""
    workers: Count = 1
    """Processes that share the port."""
    threads: Count = 64
    """Requests that one worker runs at the same time."""
    streams: Annotated[int, Field(ge=0)] | None = None
    """Streams that one worker keeps open at the same time; a quarter of the threads by default."""
    grace_s: Seconds = 10.0
    """Seconds that running requests get to end after SIGTERM."""
    drain_s: Seconds = 0.0
    """Seconds between "not ready" and the closed port, for a load balancer to notice."""
    background: bool = True
    """Whether the web processes do the background work too; otherwise ``decant worker`` does it."""


class CallSettings(Settings):
    """Calls between modules."""

    mode: Literal["auto", "direct", "strict"] = "auto"
    """``strict`` sends calls within one process through the codec too; ``auto`` is direct in production only."""
    deadline_s: Annotated[float, Field(gt=0)] = 30.0
    """Seconds that a request and everything it calls may take, where the caller names no deadline."""
    transport: Literal["auto", "pyreqwest", "http.client"] = "auto"
    """What carries calls to other services; ``auto`` is ``pyreqwest``, and ``http.client`` under gevent."""

    def resolved_mode(self, environment: str) -> Literal["direct", "strict"]:
        """Return the mode in an environment, for instance ``production``."""
        if self.mode == "auto":
            return "direct" if environment == "production" else "strict"
        return self.mode


class AuthSettings(Settings):
    """Access tokens of users. ``JWT_SECRET_KEY`` is a key too, and ``REDIS_URL`` holds what several machines share."""

    issuer: Annotated[str, Field(min_length=1)] | None = None
    """Who issues access tokens (``iss``); the workspace's name by default."""
    audience: Annotated[str, Field(min_length=1)] | None = None
    """Whom access tokens are for (``aud``); the workspace's name by default."""
    lifetime_s: Annotated[int, Field(ge=1, le=31 * 24 * 3600)] = 24 * 3600
    """Seconds that an access token lives."""
    signing_key: SecretStr | None = None
    """The private key (PEM) that signs access tokens: Ed25519, P-256 or RSA; made in ``DECANT_HOME`` outside of
    production when no key is given."""
    verifying_keys: tuple[str, ...] = ()
    """More public keys (PEM) whose access tokens are taken: the one before, and the one to come."""
    jwks_url: str | None = None
    """The key set of the service that signs, for a service that only verifies."""
    cookie_key: Annotated[SecretStr, Field(min_length=32)] | None = None
    """Signs the session cookie of pages, 32 characters at least; made in ``DECANT_HOME`` outside of production."""
    older_cookie_keys: tuple[Annotated[SecretStr, Field(min_length=32)], ...] = ()
    """Keys whose session cookies are still taken; needs Flask 3.1."""


class SagaSettings(Settings):
    """How a process works on the sagas of its modules."""

    concurrency: Count = 32
    """Sagas of one module that a process works on at once; one that waits for an answer is one of them."""
    lease_s: Annotated[float, Field(ge=1)] = 4.0
    """Seconds without a sign of life after which another process takes a saga over."""
    keep_s: Seconds = 7 * 86400.0
    """Seconds that sagas which ended well are kept."""


class OtelSettings(Settings):
    """OpenTelemetry, under its standard names; its SDK reads the others from the environment by itself."""

    service_name: str | None = None
    """``service.name`` of every span; the service's name by default."""
    resource_attributes: str | None = None
    """More resource attributes, ``key=value`` with commas between."""
    exporter_otlp_endpoint: str | None = None
    """Where spans are sent by OTLP/HTTP."""
    exporter_otlp_headers: SecretStr | None = None
    """Headers of the export, ``key=value`` with commas between; they hold credentials."""
    traces_sampler: str | None = None
    """The sampler's name, for instance ``parentbased_traceidratio``."""
    traces_sampler_arg: str | None = None
    """The sampler's argument, for instance ``0.1``."""
    sdk_disabled: bool = False
    """Whether nothing is exported."""


PARTS: Mapping[str, type[Settings]] = {
    "": Urls,
    "decant": RuntimeSettings,
    "decant.http": HttpSettings,
    "decant.log": LogSettings,
    "decant.serve": ServeSettings,
    "decant.calls": CallSettings,
    "decant.auth": AuthSettings,
    "decant.sagas": SagaSettings,
    "otel": OtelSettings,
}
"""Every part and its table below ``[settings]``."""

CHOSEN_BEFORE = (
    "DECANT_ENV",
    "DECANT_SECRETS_DIR",
    "DECANT_CONFIG",
    "DECANT_TOPOLOGY",
    "DECANT_SERVICE",
    "DECANT_PARENT_PID",
    "DECANT_RUN",
    "DECANT_EDGE_URL",
)
"""Environment names that say where to look for settings, or who runs this process: no settings themselves."""

TEST_PREFIX = "DECANT_TEST_"
"""Environment names with this prefix belong to test suites and are left alone."""
