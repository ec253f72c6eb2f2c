"""The reader that does not parse agrees with the parser, on sources that are made up and on those that people wrote."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decant_tools.workspace.facts.python import read_fast, read_python
from decant_tools.workspace.facts.syntax import parse
from decant_tools.workspace.facts.text import decode_source

NAMES = st.sampled_from(["a", "b1", "_c", "importx", "from_", "x_import", "é", "as_"])
GAPS = st.sampled_from([" ", "  ", "\t", " \\\n ", " \\\n\\\n  "])
INSIDE = st.sampled_from([" ", "\n", " # a ) ' \" comment\n", "\n\n  ", ""])
NOISE = st.sampled_from(
    [
        "x = 'import a'", 'y = "from a import b"', "# import c; from d import e", '"""import f\nfrom g import h\n"""',
        "z = 'it\\'s'", 'w = r"\\""', "v = b'#'", "u = '''a\"'b\\''''", 't = f"{x} import {y!r}"', "pass",
        "s = f'{x:>{y}} {{import a}}'", "r = '' ''", 'q = """a""" "b" # "', "def f(): yield (x)", "p = 'a\\\n import b'",
        'o = f"{x[0]} \'{y}\' from a import b"', "n = x if y else'import a'", "m = Rb'\\'' + Br\"\\\\\"",
    ]
)  # fmt: skip

FORMATTED = ('f"{x} import', "f'{x:>{y}} {{import", 'from a import b"')


@st.composite
def dotted(draw: st.DrawFn) -> str:
    dot = draw(st.sampled_from([".", " . ", ".", ". "]))
    return dot.join(draw(st.lists(NAMES, min_size=1, max_size=3)))


@st.composite
def statement(draw: st.DrawFn) -> str:
    gap = draw(GAPS)
    if draw(st.booleans()):
        items = [
            name + (f"{gap}as{gap}{draw(NAMES)}" if draw(st.booleans()) else "")
            for name in draw(st.lists(dotted(), min_size=1, max_size=3))
        ]
        return f"import{gap}" + f"{draw(st.sampled_from([',', ' , ']))}".join(items)
    dots = draw(st.sampled_from(["", ".", "..", " . ", "..."]))
    module = draw(dotted()) if not dots or draw(st.booleans()) else ""
    head = f"from{gap}{dots}{module}{gap}import"
    names = [
        name + (f"{gap}as{gap}{draw(NAMES)}" if draw(st.booleans()) else "")
        for name in draw(st.lists(NAMES, min_size=1, max_size=3))
    ]
    form = draw(st.integers(0, 2))
    if form == 0:
        return f"{head}{gap}{', '.join(names)}"
    if form == 1:
        space = draw(INSIDE)
        return f"{head}({space}{f',{space}'.join(names)}{draw(st.sampled_from(['', ',']))}{space})"
    return f"{head} *"


@st.composite
def source(draw: st.DrawFn) -> str:
    pieces: list[str] = []
    for _ in range(draw(st.integers(1, 8))):
        piece = draw(st.one_of(statement(), NOISE))
        shape = draw(st.integers(0, 4))
        if shape == 0 and "\n" not in piece and " *" not in piece and "#" not in piece and "def " not in piece:
            piece = f"if x: {piece}; x = 1"
        elif shape == 1 and "\n" not in piece and " *" not in piece:
            piece = f"def f():\n    {piece}  # why"
        pieces.append(piece)
    return draw(st.sampled_from(["\n", "\r\n", "\n\n"])).join(pieces) + draw(st.sampled_from(["", "\n"]))


@settings(max_examples=400, deadline=None)
@given(source())
def test_on_made_up_sources_it_reads_what_the_parser_reads(text: str) -> None:
    text = decode_source(text.encode())[0]
    parsed = parse(text)
    if parsed.fault is not None:
        return
    found = read_fast(text)
    if found is None:  # a formatted string that says "import" is left to the parser
        assert any(noise in text for noise in FORMATTED)
        return
    assert found.statements == parsed.statements


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_are_an_exception(content: bytes) -> None:
    read_python(b"import a\n" + content)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["'", '"', '"""', "'''", "\\", "\n", "{", "}", "f", "#", "(", "import a", " "]), max_size=25
    )
)
def test_broken_sources_lose_no_import_of_their_first_line(pieces: list[str]) -> None:
    """Whatever follows it, an import that is complete is found."""
    found = read_python(("import first\n" + "".join(pieces)).encode())
    assert "first" in [each.module for each in found.imports]


def sources(step: int) -> list[Path]:
    return sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py"))[::step]


def compare(paths: list[Path]) -> tuple[int, int]:
    """Compare both readers on files; return how many there are and how many of them have to be parsed."""
    unsure = 0
    for path in paths:
        text, is_sound = decode_source(path.read_bytes())
        parsed = parse(text)
        if not is_sound or parsed.fault is not None:
            continue
        found = read_fast(text)
        if found is None:
            unsure += 1
            continue
        assert sorted(found.statements) == sorted(parsed.statements), path
        assert not parsed.dynamic, path
    return len(paths), unsure


def test_on_a_sample_of_what_is_installed_it_reads_what_the_parser_reads() -> None:
    count, unsure = compare(sources(60))
    assert count > 30
    assert unsure <= count / 10


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_on_everything_that_is_installed_it_reads_what_the_parser_reads() -> None:
    count, unsure = compare(sources(1))
    assert unsure <= count / 20
