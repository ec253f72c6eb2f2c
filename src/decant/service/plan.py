"""What a service hosts and what it reaches elsewhere, decided before anything is wired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from decant.modules import Module
from decant.rpc import Target
from decant.settings import Loaded
from decant.settings.call_policy import CallPolicies

CallMode = Literal["direct", "strict"]


@dataclass(frozen=True, slots=True)
class Plan:
    """One service of a topology.

    Attributes:
        name: The service's name.
        hosted: The modules that live here, in the order they start.
        settings: Every setting of the service and of the modules that it hosts.
        elsewhere: The modules that live in other services, and where those answer.
        prefix: What comes before public operations at the edge, for instance ``/api``.
        mode: How modules that live together call each other.
        home: Where embedded databases, keys and run state live.
        shared: The folder with the workspace's shared ``templates/`` and ``static/``, or None.
        expose: Whether errors tell developers' details: everywhere but in production.
        workspace: The workspace's name; the service's by default.
        calls: How modules call those that live elsewhere.
    """

    name: str
    hosted: Sequence[Module]
    settings: Loaded
    elsewhere: Mapping[Module, Target] = field(default_factory=dict)
    prefix: str = ""
    mode: CallMode = "strict"
    home: Path = Path(".decant")
    shared: Path | None = None
    expose: bool = True
    workspace: str = ""
    calls: CallPolicies = field(default_factory=CallPolicies)

    @property
    def apart(self) -> bool:
        """Whether other services exist, so that operations must be reachable from them."""
        return bool(self.elsewhere)
