"""``Kit``: what a Flask application needs in production, added from outside."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Iterable, Mapping

from flask import Flask, Response
from flask.logging import default_handler

from decant.errors import SetupError
from decant.http.health import HealthCheck, HealthRegistry, install_health
from decant.http.problem import install_problems
from decant.kit.proxies import TrustedProxies, parse_networks
from decant.kit.requests import Identify, RequestHooks
from decant.kit.settings import KitSettings
from decant.observe.failures import remember_lines
from decant.observe.logging import configure, configured
from decant.observe.metrics import render
from decant.observe.tracing import exporter_from_environ, spans

EXTENSION = "decant.kit"
HOOKS = "decant.kit.requests"
ALIVE_AFTER_EXIT_S = 1.0


class Kit:
    """Request ids, trace context, metrics, access log, spans, problem documents, health, limits and headers.

    Works on any Flask application, existing views and blueprints unchanged. Nothing starts before the
    first request: making an application has no side effects beyond logging.

    Args:
        app: The application; or give it to :meth:`init_app` later.
        settings: The switches.
        name: The service's name in logs and traces; the application's by default.
        checks: What the service needs to be ready.
        edge: At the public address: one check per module, for ``/health``.
        identify: Tells who asks, for instance ``Identity(…).identify`` of :mod:`decant.auth`; by default nobody does.
        environ: Read for the standard ``OTEL_*`` variables and the terminal's; the process's by default.

    Example:
        >>> app = Flask("shop")
        >>> kit = Kit(app)
        >>> app.test_client().get("/health/live").json
        {'status': 'alive'}
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        settings: KitSettings | None = None,
        name: str | None = None,
        checks: Iterable[HealthCheck] | HealthRegistry = (),
        edge: Iterable[HealthCheck] | None = None,
        identify: Identify | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings or KitSettings()
        self.name = name
        self._checks = checks
        self._edge = edge
        self._identify = identify
        self._environ = os.environ if environ is None else environ
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Add everything that the settings ask for to an application.

        Raises:
            SetupError: When the application has a kit, or has answered requests already.
            SettingsError: For ``OTEL_*`` variables that make no sense, or a trusted proxy that is no address.
        """
        if EXTENSION in app.extensions:
            raise SetupError(
                f"The application {app.name!r} has a kit already.",
                hint="Call Kit(app) or kit.init_app(app) once; applications of create_app() come with one.",
            )
        # Private, but the only way to say it in our words: Flask's own error names a method nobody here called.
        if getattr(app, "_got_first_request", False):
            raise SetupError(
                f"The application {app.name!r} has answered requests already.",
                hint="Call Kit(app) where the application is made, before it serves.",
            )
        app.extensions[EXTENSION] = self
        self._set_up_logging(app)
        hooks = RequestHooks(self.settings, _Exporting(self._environ, self.name or app.name), self._identify)
        hooks.install(app)
        app.extensions[HOOKS] = hooks
        self._add_limits(app)
        self._trust_proxies(app)
        self._add_routes(app)
        if self.settings.problems:
            expose = self.settings.expose_errors
            told = app.debug if expose is None else expose
            service = self.name or app.name
            install_problems(app, expose=told, service=service)
            if told:
                remember_lines(service)

    def _set_up_logging(self, app: Flask) -> None:
        settings = self.settings
        wanted = settings.configure_logging
        if wanted is None:
            wanted = not logging.getLogger().handlers
        if wanted:
            configure(
                settings.log_level,
                settings.log_format,
                service=self.name or app.name,
                environ=self._environ,
            )
        if configured():
            app.logger.removeHandler(default_handler)  # else each error is written twice

    def _add_limits(self, app: Flask) -> None:
        if app.config.get("MAX_CONTENT_LENGTH") is None:
            app.config["MAX_CONTENT_LENGTH"] = self.settings.max_body_bytes

    def _trust_proxies(self, app: Flask) -> None:
        trusted = parse_networks(self.settings.trusted_proxies)
        if trusted:
            app.wsgi_app = TrustedProxies(app.wsgi_app, trusted)  # type: ignore[method-assign]

    def _add_routes(self, app: Flask) -> None:
        if self.settings.health:
            install_health(app, self._checks, edge=self._edge)
        path = self.settings.metrics_path
        if path is not None and path not in {rule.rule for rule in app.url_map.iter_rules()}:
            app.add_url_rule(path, "decant_metrics", metrics_view, methods=["GET"])


def identify_callers(app: Flask, identify: Identify) -> None:
    """Tell an application's kit who asks, unless it knows already."""
    hooks: RequestHooks = app.extensions[HOOKS]
    hooks.identify = hooks.identify or identify


def metrics_view() -> Response:
    """Answer with all metrics in Prometheus' text format."""
    body, content_type = render()
    return Response(body, content_type=content_type, headers={"Cache-Control": "no-store"})


# One exporter per process and service, however many applications a test makes.
_exporting: set[tuple[str, str]] = set()


class _Exporting:
    """Starts the export of spans with the first request: in the process that serves, after any fork."""

    def __init__(self, environ: Mapping[str, str], service: str) -> None:
        self._service = service
        self._exporter = exporter_from_environ(environ, service=service)
        self._key = (service, environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))

    def __call__(self) -> None:
        if self._exporter is not None and self._key not in _exporting:
            _exporting.add(self._key)
            spans.add_exporter(self._exporter)
            atexit.register(spans.stop, ALIVE_AFTER_EXIT_S)
        if spans.recording:
            spans.start()
