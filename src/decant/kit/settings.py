"""What the kit does, each part with a switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from decant.errors import SettingsError

FRAMES = "frame-ancestors 'self'"


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSettings:
    """Every switch of the kit; the defaults are right for production.

    Attributes:
        access_log: Whether each request writes one line.
        configure_logging: Whether the kit sets logging up; None: when nobody else has.
        log_level: The least level that is logged.
        log_format: ``json``, ``pretty``, or ``auto``: pretty on a terminal.
        metrics_path: Where metrics are served; None: nowhere.
        metrics: Whether requests are counted and timed.
        health: Whether ``/health``, ``/health/live`` and ``/health/ready`` are served.
        quiet_routes: Routes that write no access line and no span, unless they fail.
        trace_sample: The share of new traces that is recorded, 0 to 1; others follow their caller.
        security_headers: Whether they are added where a view set none.
        content_security_policy: For HTML answers; None: none.
        hsts_s: Seconds of ``Strict-Transport-Security`` on answers over TLS; 0: none.
        max_body_bytes: A larger request body is refused with 413; an application's own
            ``MAX_CONTENT_LENGTH`` wins; None: no limit.
        deadline_s: Seconds that a request and everything it calls may take; None: no limit.
        problems: Whether every error is answered with a problem document.
        expose_errors: Whether problem documents tell developers' details; None: when ``app.debug``.
        trusted_proxies: Addresses and networks whose ``X-Forwarded-For``, ``-Proto`` and ``-Host`` are believed.
    """

    access_log: bool = True
    configure_logging: bool | None = None
    log_level: str = "INFO"
    log_format: Literal["auto", "json", "pretty"] = "auto"
    metrics_path: str | None = "/metrics"
    metrics: bool = True
    health: bool = True
    quiet_routes: tuple[str, ...] = ("/health", "/health/live", "/health/ready", "/metrics")
    trace_sample: float = 1.0
    security_headers: bool = True
    content_security_policy: str | None = FRAMES
    hsts_s: int = 0
    max_body_bytes: int | None = 1024 * 1024
    deadline_s: float | None = None
    problems: bool = True
    expose_errors: bool | None = None
    trusted_proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            SettingsError: With every fault.
        """
        faults = [
            fault
            for wrong, fault in (
                (not 0 <= self.trace_sample <= 1, f"trace_sample is {self.trace_sample}: give a share from 0 to 1."),
                (self.hsts_s < 0, f"hsts_s is {self.hsts_s}: give seconds, 0 for none."),
                (
                    self.max_body_bytes is not None and self.max_body_bytes < 0,
                    f"max_body_bytes is {self.max_body_bytes}: give bytes, or None for no limit.",
                ),
                (
                    self.deadline_s is not None and self.deadline_s <= 0,
                    f"deadline_s is {self.deadline_s}: give seconds, or None for no limit.",
                ),
                (
                    self.metrics_path is not None and not self.metrics_path.startswith("/"),
                    f"metrics_path is {self.metrics_path!r}: it begins with a slash.",
                ),
            )
            if wrong
        ]
        if faults:
            raise SettingsError(faults)
