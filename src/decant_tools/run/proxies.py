"""Fault proxies: one before each internal edge, so that calls between services are lost, delayed and repeated."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from decant_tools.run.plan import HOST, ProcessPlan
from decant_tools.run.ports import free_ports
from decant_tools.run.programs import with_shim
from decant_tools.run.readiness import Probe

GRACE_S = 2.0


class Proxies:
    """The fault proxies of a run; none without a profile.

    Args:
        profile: How calls fail, or None.
        seed: What the faults are drawn from; each edge draws numbers of its own.
        needs: Which service calls which.
        urls: Where each service answers.
    """

    def __init__(
        self,
        profile: str | None,
        seed: int,
        needs: Mapping[str, frozenset[str]],
        urls: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._profile = profile
        self._seed = seed
        self._urls = urls
        edges = [
            (caller, callee, url)
            for caller in sorted(needs if profile else ())
            for callee in sorted(needs[caller])
            for url in urls[callee]
        ]
        self._edges = list(zip(edges, free_ports(len(edges)), strict=True))

    def urls_for(self, caller: str) -> dict[str, tuple[str, ...]]:
        """Return where a service finds those that it calls: at its own proxies."""
        found: dict[str, tuple[str, ...]] = {}
        for (of, callee, _), port in self._edges:
            if of == caller:
                found[callee] = (*found.get(callee, ()), f"http://{HOST}:{port}")
        return found

    def plans(self, environ: Mapping[str, str], root: Path) -> list[ProcessPlan]:
        """Return the proxies as processes."""
        return [
            ProcessPlan(
                name := f"{caller}-to-{callee}{'' if len(self._urls[callee]) == 1 else f'-{port}'}", name, "proxy",
                with_shim([
                    sys.executable, "-m", "decant_tools.faultproxy", "--listen", f"{HOST}:{port}", "--to",
                    urlsplit(url).netloc, "--profile", str(self._profile), "--seed", str(self._seed + number),
                ], GRACE_S),
                environ, root, port, Probe(HOST, port), grace_s=GRACE_S + 1,
            )
            for number, ((caller, callee, url), port) in enumerate(self._edges)
        ]  # fmt: skip
