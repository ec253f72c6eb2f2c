"""Which Python can make a wheel without the network: one that has the backend, and none that is too old for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from decant_tools.workspace.release.wheels import has_backend


def python_with(folder: Path, versions: Mapping[str, str]) -> Path:
    """Return a program that answers as a Python with these distributions does."""
    known = "\n".join(f"    {name}) echo {version} ;;" for name, version in versions.items())
    program = folder / "python"
    program.write_text(
        f'#!/bin/sh\nshift 3\nfor name in "$@"; do\n  case "$name" in\n{known}\n    *) exit 1 ;;\n  esac\ndone\n'
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("required", "versions", "expected"),
    [
        (["hatchling"], {"hatchling": "1.26"}, True),
        (["hatchling"], {"setuptools": "80.0"}, False),
        (["hatchling>=1.27 ; python_version > '3'"], {"hatchling": "1.26"}, False),
        (["hatchling >= 1.27"], {"hatchling": "1.27.1"}, True),
        (["hatchling~=1.9"], {"hatchling": "1.10"}, True),
        (["setuptools"], {"setuptools": "65.5.0"}, False),
        (["setuptools"], {"setuptools": "70.0.0", "wheel": "0.45"}, True),
        (["setuptools>=61", "wheel"], {"setuptools": "65.5.0", "wheel": "0.45"}, True),
        (["setuptools>=61"], {"setuptools": "70.1"}, True),
    ],
)
def test_a_backend_that_is_too_old_is_none(
    tmp_path: Path, required: Sequence[str], versions: Mapping[str, str], *, expected: bool
) -> None:
    assert has_backend(python_with(tmp_path, versions), required) is expected


def test_a_python_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert not has_backend(tmp_path / "python", ["hatchling"])
