"""A service behind the gateway: its addresses, and which of them is asked next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Address(NamedTuple):
    """Where an instance of a service listens."""

    host: str
    port: int


class Upstream:
    """A service with its addresses."""

    def __init__(self, name: str, addresses: Sequence[Address]) -> None:
        """Name a service.

        Args:
            name: The service's, for logs, metrics and problems.
            addresses: One per instance, at least one.
        """
        if not addresses:
            raise ValueError(f"The service {name} has no address.")
        self.name = name
        self.addresses = tuple(addresses)
