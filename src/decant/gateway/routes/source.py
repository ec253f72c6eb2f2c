"""Where a gateway's routes come from, as one argument of its command line; light, for those who only start it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Self

MAKE: Final = "decant.gateway.routes.build:routes_of_workspace"
"""What the gateway's process calls to make its routes."""


@dataclass(frozen=True, slots=True)
class RouteSource:
    """Where the routes come from.

    Attributes:
        config: ``decant.toml``.
        topology: Its topology.
        manifest: A file of ``decant routes --manifest``; None to ask the modules.
        prepared: Such a file that was written for this very start: it is removed when it was read, so that a gateway
            that is started again asks the modules, which may have changed. Where it is missing the modules are asked.
    """

    config: str
    topology: str
    manifest: str | None = None
    prepared: str | None = None

    def to_text(self) -> str:
        """Return it as one argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what :meth:`to_text` wrote."""
        return cls(**json.loads(text))
