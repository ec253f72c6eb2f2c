"""Which reader reads a file; the rarer ones are imported when they are met."""

from __future__ import annotations

from collections.abc import Callable

from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.facts.model import NOTHING, Facts, FileKind


def extract(path: str, content: bytes) -> Facts:
    """Return what a file says.

    A pure function of :func:`kind_of` the path and the content: what was found can be kept by both of them and
    :data:`EXTRACTOR_VERSION`. Never fails: what cannot be read is a fault among the facts.

    Args:
        path: Relative to the workspace; it only decides how the content is read.
        content: As it is in the repository.
    """
    kind = kind_of(path)  # a lock adds nothing: what it resolves was asked for in a manifest
    return NOTHING if kind is None or kind == "lock" else _reader(kind)(content)


def _reader(kind: FileKind) -> Callable[[bytes], Facts]:
    """Return what reads a kind of file."""
    if kind == "python":
        from decant_tools.workspace.facts.python import read_python as reader
    elif kind == "requirements":
        from decant_tools.workspace.facts.requirements import read_requirements as reader
    elif kind == "pyproject":
        from decant_tools.workspace.facts.pyproject import read_pyproject as reader
    elif kind == "dockerfile":
        from decant_tools.workspace.facts.dockerfile import read_dockerfile as reader
    elif kind == "node":
        from decant_tools.workspace.facts.node import read_node as reader
    elif kind == "setup":
        from decant_tools.workspace.facts.setups import read_setup as reader
    elif kind == "setup.cfg":
        from decant_tools.workspace.facts.setups import read_setup_cfg as reader
    else:
        from decant_tools.workspace.facts.pyproject import read_pipfile as reader
    return reader
