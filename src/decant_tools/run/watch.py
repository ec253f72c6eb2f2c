"""Sees which files of the workspace changed, and which services are made of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from pathlib import Path

from decant.serving.reload import Snapshot, changes, snapshot, syntax_error
from decant.topology import ServiceSpec
from decant_tools.run.sources import SUFFIXES, Sources

POLL_S = 0.3
SHARE = 100
"""At most one part in so many of a core goes into looking."""


async def changed_files(root: Path) -> AsyncIterator[list[str]]:
    """Yield the files that changed below a folder, each time that some did."""
    seen = await asyncio.to_thread(_look, root)
    pause_s = POLL_S
    while True:
        await asyncio.sleep(pause_s)
        began, before = time.monotonic(), seen
        seen = await asyncio.to_thread(_look, root)
        pause_s = max(POLL_S, (time.monotonic() - began) * SHARE)
        if found := changes(before, seen):
            yield found


def _look(root: Path) -> Snapshot:
    return snapshot(root, SUFFIXES)


class Watcher:
    """Says which services a change concerns.

    Args:
        root: The workspace's folder.
        sources: What services are made of.
        specs: The services that can be reloaded.
        say: Gets each sentence for the terminal.
    """

    def __init__(
        self, root: Path, sources: Sources, specs: Collection[ServiceSpec], say: Callable[[str], None]
    ) -> None:
        self._root = root
        self._sources = sources
        self._specs = specs
        self._say = say
        self._files = {spec.name: sources.files_of(spec) for spec in specs}
        self._broken: set[str] = set()

    def services_of(self, changed: Iterable[str]) -> list[str]:
        """Return the services to restart: not those that are made of a file which cannot be compiled."""
        changed = list(changed)
        if settings := [path for path in changed if self._is_setting(path)]:
            self._say(
                f"{self._names(settings)} changed. Settings take effect with `decant restart`; a change of services, "
                "ports or topologies with `decant down` and `decant up`."
            )
        self._sources.look_again()
        before, self._files = self._files, {spec.name: self._sources.files_of(spec) for spec in self._specs}
        suspects = self._broken | set(changed)
        errors = {path: error for path in sorted(suspects) if (error := syntax_error(path))}
        affected = [
            name
            for name, files in self._files.items()
            if not {Path(path) for path in changed}.isdisjoint(files | before[name])
        ]
        self._broken = set(errors)
        held = [name for name in affected if any(Path(path) in self._files[name] for path in errors)]
        if held:
            first = next(error for path, error in errors.items() if Path(path) in self._files[held[0]])
            self._say(f"{self._names(changed)} changed, but cannot be compiled; the old code still serves.\n  {first}")
        wanted = [name for name in affected if name not in held]
        if wanted:
            self._say(f"{self._names(changed)} changed: restarting {', '.join(wanted)}")
        return wanted

    def _is_setting(self, path: str) -> bool:
        name = Path(path).name
        beside = Path(path).parent == self._root
        return beside and (name.startswith(".env") or (name.startswith("decant.") and name.endswith(".toml")))

    def _names(self, paths: list[str]) -> str:
        names = ", ".join(os.path.relpath(path, self._root) for path in paths[:3])
        return f"{names} and {len(paths) - 3} more" if len(paths) > 3 else names
