"""The graph as JSON, for programs."""

from __future__ import annotations

import json
from typing import Any

from decant_tools.workspace.draw.picture import Picture
from decant_tools.workspace.model import Project


def document(picture: Picture) -> str:
    """Return a picture as one JSON document.

    Shape:
        ``{"schema": 1, "projects": [{"id", "kind", "name", "path", "distribution", "modules", "state"}], "edges":
        [{"source", "target", "kind", "at"}], "findings": [{"level", "code", "at", "message", "fix"}],
        "cycles": [[id, …]]}``. ``state`` is ``"changed"``, ``"affected"`` or null.
    """
    found = {
        "schema": 1,
        "projects": [_project(each, picture.state(each.id)) for each in picture.projects],
        "edges": [edge._asdict() for edge in picture.edges],
        "findings": [finding._asdict() for finding in picture.findings],
        "cycles": [list(group) for group in picture.cycles],
    }
    return json.dumps(found, indent=2) + "\n"


def _project(project: Project, state: str) -> dict[str, Any]:
    return {
        "id": project.id,
        "kind": project.kind,
        "name": project.name,
        "path": project.path,
        "distribution": project.distribution,
        "modules": list(project.modules),
        "state": state or None,
    }
