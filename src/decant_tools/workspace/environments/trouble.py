"""Says in one sentence why an environment cannot be made: never what a resolver prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from decant.errors import CommandError
from decant.settings.mask import mask_text
from decant_tools.workspace.environments.installers import Failed, Installer
from decant_tools.workspace.environments.requirements import Line

WRONG, MISSING = 3, 6
_SIDE_BY_SIDE = 4
_UNBUILT = re.compile(
    r"Failed to (?:build|download and build) [`']?(?P<what>[\w.=+-]+)|building wheel for (?P<wheel>\S+)", re.IGNORECASE
)
_CAUSE = re.compile(r"cause: (?P<cause>.+)")


@dataclass(frozen=True, slots=True)
class Missing:
    """A requirement that no existing version meets.

    Attributes:
        line: The requirement.
        nearest: The nearest version that exists, or None where there is no such distribution.
    """

    line: Line
    nearest: str | None

    def relaxed(self) -> Line:
        """Return the requirement with the nearest version in it."""
        head = re.match(r"[A-Za-z0-9._-]+(?:\s*\[[^\]]*\])?", self.line.text)
        marker = f" ;{self.line.text.split(';', 1)[1]}" if ";" in self.line.text else ""
        return Line(f"{head[0] if head else self.line.name}=={self.nearest}{marker}", self.line.at)

    def sentence(self) -> str:
        if self.nearest is None:
            return f"{self.line.at}: no package index knows {self.line.name}."
        return f"{self.line.at}: {self.line.text} does not exist; the nearest version is {self.nearest}."


def missing_versions(lines: Iterable[Line], program: Installer) -> list[Missing]:
    """Return the requirements that no version meets, each asked for by itself."""
    asked = [line for line in lines if line.name and "://" not in line.text]

    def look(line: Line) -> Missing | None:
        try:
            return Missing(line, program.nearest(line)) if program.newest(line.text.split(" --")[0]) is None else None
        except (Failed, CommandError):  # nobody can tell: what the installer said first is told
            return None

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return [found for found in pool.map(look, asked) if found]


def explain(label: str, error: Failed, missing: Sequence[Missing], log: Path, *, relax: bool) -> CommandError:
    """Return the error that a person sees; everything else is in a log file.

    Args:
        label: Whose environment it is.
        error: What the installer said.
        missing: Requirements that no version meets.
        log: Where everything is that was printed.
        relax: Whether the nearest versions were to be taken.
    """
    everything = f"All that the installer said: {log}"
    if missing:
        known = [each for each in missing if each.nearest]
        or_relax = ", or take the nearest with --relax" if not relax else ""
        cure = f"Write {known[0].relaxed().text} there{or_relax}." if known else "Is the name right?"
        return CommandError(
            "\n".join(each.sentence() for each in missing), hint=f"{cure} {everything}", exit_code=WRONG
        )
    if error.is_unreachable:
        return CommandError(
            f"The environment of {label} cannot be made: no package index answers.",
            hint=f"Set one up as for pip or uv (`pip config list`, PIP_INDEX_URL, UV_DEFAULT_INDEX). {everything}",
            exit_code=MISSING,
        )
    if unbuilt := _UNBUILT.search(error.output):
        what = unbuilt["what"] or unbuilt["wheel"]
        return CommandError(
            f"The environment of {label} cannot be made: {what} cannot be built on this machine.",
            hint=f"Install what it needs, or ask for a version that has a wheel. {everything}",
            exit_code=MISSING,
        )
    cause = _CAUSE.search(error.output)
    why = f": {mask_text(' '.join(cause['cause'].split()))[:400]}" if cause else "."
    return CommandError(f"The environment of {label} cannot be made{why}", hint=everything, exit_code=WRONG)
