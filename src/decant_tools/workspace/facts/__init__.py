"""What one file says about what it depends on: imports, manifests, Dockerfiles."""

from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.facts.model import (
    EXTRACTOR_VERSION,
    NOTHING,
    Class,
    Copy,
    Facts,
    Fault,
    FileKind,
    Import,
    Include,
    Requirement,
)
from decant_tools.workspace.facts.names import normalise
from decant_tools.workspace.facts.reading import extract

__all__ = [
    "EXTRACTOR_VERSION",
    "NOTHING",
    "Class",
    "Copy",
    "Facts",
    "Fault",
    "FileKind",
    "Import",
    "Include",
    "Requirement",
    "extract",
    "kind_of",
    "normalise",
]
