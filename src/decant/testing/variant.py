"""What a test runs against: a topology, how modules in one process call each other, faults, and where data is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from decant.errors import SetupError

_SPEC = re.compile(
    r"(?P<topology>[A-Za-z][\w-]*)?(?:/(?P<calls>\w+))?(?:\+(?P<data>[\w-]+))?(?:~(?P<faults>[^~]+))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run a suite.

    Attributes:
        topology: The topology's name; "" for the workspace's own.
        calls: ``direct``, ``strict``, or "" for what the environment says.
        data: What a project's ``topology_env`` makes of it, for instance ``postgres``.
        faults: A profile of faults on the calls between services, or "".
        seed: Of the faults.
    """

    topology: str = ""
    calls: str = ""
    data: str = ""
    faults: str = ""
    seed: int = 0

    def __str__(self) -> str:
        parts = (("", self.topology), ("/", self.calls), ("+", self.data), ("~", self.faults))
        return "".join(f"{mark}{part}" for mark, part in parts if part) or "default"

    @classmethod
    def parse(cls, text: str) -> Variant:
        """Read ``TOPOLOGY[/CALLS][+DATA][~FAULTS]``, for instance ``services``, ``monolith/strict+postgres``.

        Raises:
            SetupError: When it is written otherwise.
        """
        found = _SPEC.fullmatch(text)
        if found is None or found["calls"] not in {None, "direct", "strict"}:
            raise SetupError(
                f"{text!r} names no topology to test.",
                hint="Write TOPOLOGY, and what you choose of /direct or /strict, +DATA and ~FAULTS: monolith/strict.",
            )
        return cls(found["topology"] or "", found["calls"] or "", found["data"] or "", found["faults"] or "")

    def completed(self, *, calls: str, faults: str, seed: int) -> Variant:
        """Return it with what it leaves open filled in."""
        return replace(self, calls=self.calls or calls, faults=self.faults or faults, seed=seed)

    @property
    def environment(self) -> dict[str, str]:
        """What it adds to the environment of every process."""
        return {"DECANT_CALLS_MODE": self.calls} if self.calls else {}
