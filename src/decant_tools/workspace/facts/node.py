"""``package.json``: names and dependencies, for workspaces that also hold JavaScript."""

from __future__ import annotations

import json
import re

from decant_tools.workspace.facts.model import Facts, Requirement
from decant_tools.workspace.facts.requirements import unreadable
from decant_tools.workspace.facts.text import decode

PREFIX = "npm:"
"""Names of packages of JavaScript begin with it, so that they never mean a distribution of Python."""

_GROUPS = {
    "dependencies": "",
    "devDependencies": "dev",
    "peerDependencies": "peer",
    "optionalDependencies": "optional",
}
_LOCAL = re.compile(r"(?:file|link|portal):(.*)")


def read_node(content: bytes) -> Facts:
    """Return the name and the dependencies of a package of JavaScript."""
    text, _ = decode(content)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Facts(
            faults=(unreadable(getattr(error, "lineno", 0), f"This is not valid JSON: {error}.", "Correct it."),)
        )
    if not isinstance(data, dict):
        return Facts()
    lines = {match[1]: text.count("\n", 0, match.start()) + 1 for match in re.finditer(r'"([^"\n]+)"\s*:', text)}
    found = []
    for key, group in _GROUPS.items():
        table = data.get(key)
        for name, version in table.items() if isinstance(table, dict) else ():
            if isinstance(version, str):
                local = _LOCAL.fullmatch(version)
                is_member = version.startswith("workspace:")
                path = local[1] if local else ""
                found.append(Requirement(lines.get(name, 0), PREFIX + name, path, group, is_member))
    name = data.get("name")
    return Facts(name=PREFIX + name if isinstance(name, str) and name else "", requirements=tuple(found))
