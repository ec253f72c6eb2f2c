"""Plain TOML is read exactly as the standard library reads it, or not at all."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decant_tools.workspace.facts.plain_toml import read_plain

USUAL = """\
# Of a lib
[build-system]
requires = ["hatchling"]  # as usual

[project]
name = 'orders'
version = "1.0"
dependencies = [
  "flask>=3",  # "not this"
  # "nor this",
  'common[all]',
]
[project.optional-dependencies]
dev = []
[tool.uv.sources]
common = { workspace = true }
tools = { path = "../tools", editable = false }
[tool.ruff]
line-length = 120
fix = true
[tool]
"""

PIECES = st.sampled_from([
    "[a]", "[a.b]", "[a.b.c]", "[ a ]", "[[a]]", "[]", "[a.]", "a", "b", "b-1", "1", '"q"', "a.b", "=", " = ", " ", "\t",
    "\n", "\n\n", "\r\n", "\f", "\x7f", "\x00", '"x"', "'x'", '""', "''", '"""', "'''", '"a#b"', '"\\n"', "'\\n'", '"é"',
    "true", "false", "truex", "0", "01", "1_0", "12.5", "1e3", "1979-05-27", "-1", "inf", "# note", "#", "[", "]", ",",
    "{", "}", "{ a = true }", '{ a = "x", b = false }', "{ a = 'x', a = 'y' }", "{ a = 'x', }", "{}", '["x", "y"]',
    '[\n  "x", # y\n  "z",\n]', "['x' 'y']", "[,]", "[1]", "[[]]", '["x",,]', "a = 1\n", 'b = "x"\n', "[a]\n", "[a.b]\n",
    "a = {}\n", "b = []\n",
])  # fmt: skip


def by_the_library(text: str) -> object:
    try:
        return repr(tomllib.loads(text))
    except ValueError:
        return None


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
@example("[a.b]\n[a]\nb = 1\n")
@example("[a]\nb = 'x'\n[a.b]\n")
@example("[a]\nb = {}\n[a.b]\n")
@example("[a]\nb = {}\n[a.b.c]\n")
@example("a = 'x'\na = 'y'\n")
@example("[a]\n[a]\n")
@example("a = 'x' b = 'y'")
@example("a = [ # x\n]")
@example("a = [ # x]")
def test_what_is_read_is_what_the_library_reads(text: str) -> None:
    found = read_plain(text)

    assert found is None or repr(found) == by_the_library(text)


@pytest.mark.parametrize("end", ["", "\n", "  # end", "\n\n# end\n"])
def test_a_usual_manifest_is_plain(end: str) -> None:
    assert repr(read_plain(USUAL.rstrip("\n") + end)) == by_the_library(USUAL)


@pytest.mark.parametrize(
    "text",
    [
        'a = """x"""',
        "a.b = 1",
        '"a" = 1',
        "[[a]]",
        'a = "\\u0041"',
        "a = 1.5",
        "a = [1]",
        "a = {b = {c = 1}}",
        "a = 1\r\n",
    ],
)
def test_what_is_not_plain_is_left_to_the_library(text: str) -> None:
    assert read_plain(text) is None
    assert by_the_library(text) is not None


def test_a_long_list_that_never_ends_is_given_up_at_once() -> None:
    assert read_plain("a = [" + '"x", ' * 100_000) is None
    assert read_plain("a = [" + "\n" * 100_000 + "#") is None
