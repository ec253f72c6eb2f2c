"""A static version is changed in its line; whatever is not sure stays as it is."""

from __future__ import annotations

import pytest

from decant_tools.workspace.release.manifest import static_version, with_version

TEXT = """\
# mine
[build-system]
requires = ["hatchling"]  # [project]

[project] # the project
name = "orders"
dependencies = [
  "flask", # version = "1"
]
version   = '0.1.0'  # by hand

[tool.other]
version = "9"
"""


def test_one_line_changes() -> None:
    assert with_version(TEXT, "1.5.0") == TEXT.replace("'0.1.0'", "'1.5.0'")


def test_the_version_is_read() -> None:
    assert static_version(TEXT) == "0.1.0"


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nname = "a"\ndynamic = ["version"]\n[tool.x]\nversion = "1"\n',
        '[tool.poetry]\nversion = "1"\n',
        "[project\n",
        '[project]\ndescription = """\nversion = "0.0.0"\n"""\nversion = "0.1.0"\n',
        'project = {name = "a", version = "1"}\n',
        "",
    ],
)
def test_what_cannot_be_changed_safely_is_left_alone(text: str) -> None:
    assert with_version(text, "1.5.0") is None


def test_line_ends_are_kept() -> None:
    text = '[project]\r\nname = "a"\r\nversion = "0.1.0"\r\n'
    assert with_version(text, "1.5.0") == text.replace("0.1.0", "1.5.0")
