"""What one file says about what it depends on: imports, manifests, Dockerfiles.

All but :func:`kind_of` is imported when it is first used: whoever has a graph in a cache asks for nothing else.
"""

from typing import TYPE_CHECKING, Any

from decant_tools.workspace.facts.kinds import kind_of

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'decant_tools.workspace.facts' has no attribute {name!r}")
    from decant_tools.workspace.facts import model, names, reading

    found = next(getattr(module, name) for module in (model, names, reading) if name in vars(module))
    globals()[name] = found
    return found
