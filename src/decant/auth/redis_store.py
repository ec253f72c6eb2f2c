"""What every store in Redis shares: its connections, and how a Redis that does not answer is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from decant.errors import MissingExtra, SetupError, Unavailable

TIMEOUT_S = 0.5
"""Seconds that connecting and each answer may take."""


class RedisStore:
    """Connections to one Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; never repeated in an error, for it may hold a password.
        prefix: What every key begins with; one per workspace.

    Raises:
        MissingExtra: Without the package ``redis``.
        SetupError: For another kind of URL.

    Thread-safety: share it freely.
    """

    def __init__(self, url: str, *, prefix: str = "decant:") -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise MissingExtra("redis", "redis") from error
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 1)
            )
        except ValueError:  # it may repeat a part of the URL
            hint = "For instance redis://127.0.0.1:6379/0"
            raise SetupError("REDIS_URL is no address of a Redis.", hint=hint) from None
        self._failure = redis.RedisError
        self._prefix = prefix

    def close(self) -> None:
        """Close the connections that nobody uses; more are opened when they are needed."""
        self._redis.close()

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (self._failure, OSError) as error:
            raise Unavailable("The Redis for sign-ins does not answer.", retry_after_s=1) from error
