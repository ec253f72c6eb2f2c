from __future__ import annotations

import pytest

from decant_tools.workspace.facts import Class, Facts, Import, extract


def read(source: str | bytes) -> Facts:
    return extract("a.py", source.encode() if isinstance(source, str) else source)


def modules(source: str | bytes) -> list[str]:
    return [each.module for each in read(source).imports]


def test_imports_have_their_lines_and_names() -> None:
    found = read("import os\n\nfrom a.b import c, d as e\nfrom . import f\nfrom ..g import *\n").imports
    assert found == (
        Import(1, "os"),
        Import(3, "a.b", ("c", "d")),
        Import(4, ".", ("f",)),
        Import(5, "..g", ("*",)),
    )


@pytest.mark.parametrize(
    "source",
    [
        "from a import (\n  b,  # why )\n  c,\n)\n",
        "from a import b, \\\n  c\n",
        "x = 1; from a import b, c\n",
        "if x: from a import b, c\n",
        "def f():\n    from a import b, c # no\n",
        "from TYPING import d\nif TYPE_CHECKING:\n\tfrom a import b, c",
        "from a import(b, c)",
        "\x0cfrom a import b,c\r\n",
        "from\\\n a import b, c",
    ],
)
def test_however_an_import_is_written_it_is_found(source: str) -> None:
    assert ("a", ("b", "c")) in [(each.module, each.names) for each in read(source).imports]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a . b, c as d", ["a.b", "c"]),
        ("from . a import b", [".a"]),
        ("from .import b", ["."]),
        ("from ... import b", ["..."]),
        ("from . . a import b", ["..a"]),
        ("from.a import b", [".a"]),
        ("try: import a\nexcept ImportError: import b", ["a", "b"]),
        ("import módulo", ["módulo"]),
        ("import ﬁle", ["file"]),
    ],
)
def test_names_are_read_as_the_language_does(source: str, expected: list[str]) -> None:
    assert modules(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""\nimport a\n"""\n',
        "'''import a'''",
        "# import a\n",
        "x = 'import a'\n",
        "x = 'it\\'s # '; y = ' import a'\n",
        'x = r"\\"; import_a = 1\n',
        "x.reimport\nimportant = from_here = 1\n",
        "def g():\n  yield \\\nfrom_a\n  yield from a\n  raise b from c\n",
        'f"{x} import a {y}"',
        "x = f'''{a!r:>{b}} import a'''",
    ],
)
def test_what_only_looks_like_an_import_is_none(source: str) -> None:
    assert modules(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import importlib\nimportlib.import_module('a.b')", ["importlib", "a.b"]),
        ("from importlib import import_module as load\nload(\n  'a.b'\n)", ["importlib", "a.b"]),
        ("__import__('a')", ["a"]),
        ("import importlib\nimportlib.import_module('.a', __package__)", ["importlib", ".a"]),
        ("import importlib\nimportlib.import_module('..a', package='x.y')", ["importlib", "x.a"]),
        ("f\"{__import__('a').b}\"", ["a"]),
    ],
)
def test_calls_that_import_by_a_literal_count(source: str, expected: list[str]) -> None:
    assert modules(source) == expected


def test_a_call_may_import_from_a_package() -> None:
    assert read("__import__('a', fromlist=['b'])").imports == (Import(1, "a", ("b",)),)


def test_plugins_of_pytest_are_imported_by_it() -> None:
    assert modules("pytest_plugins = ['a.b',\n  \"c\"]\n") == ["a.b", "c"]
    assert modules("import x\npytest_plugins = 'a'\n") == ["x", "a"]


def test_imports_by_a_name_that_only_the_program_knows_are_listed_by_their_lines() -> None:
    facts = read("import importlib\n\nfor name in names:\n    importlib.import_module(f'a.{name}')\n__import__(name)\n")
    assert facts.dynamic == (4, 5)


def test_an_importer_that_is_handed_on_may_import_anything() -> None:
    assert read("from importlib import import_module\nload = import_module\nmap(__import__, names)\n").dynamic == (2, 3)


def test_each_import_is_kept_once_at_its_first_line() -> None:
    assert read("import a\nimport a\ndef f():\n    import a\n").imports == (Import(1, "a"),)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffimport a".encode(),
        "# -*- coding: latin-1 -*-\nx = 'é'\nimport a".encode("latin-1"),
        "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\nimport a".encode("cp1252"),
        "# coding: shift_jis\nx = '表'\nimport a".encode("shift_jis"),
        b"import a\r# old Macintosh\rx = 1",
    ],
)
def test_every_encoding_is_read(content: bytes) -> None:
    facts = read(content)
    assert (modules(content), facts.faults) == (["a"], ())


@pytest.mark.parametrize(
    "source",
    [
        "print 'hello'\nimport a\nexec 'x' in {}\nraise E, 'x'\n",
        "import a\nexcept E, e: pass\nprint `x`\n0777\nur'x'\n",
        "import a\nmatch x:\n  case [a, *_] if b: pass\ntype X = int\n",
    ],
)
def test_sources_for_other_interpreters_are_read_without_a_warning(source: str) -> None:
    assert (modules(source), read(source).faults) == (["a"], ())


@pytest.mark.parametrize(
    "content",
    [
        b"import a\nx = 'not closed\n",
        b'import a\nx = """never closed\nimport b\n',
        b"import a\nx = '\xff'\n",
        b"import a\x00\nimport b\n",
        b"# coding: no-such\nimport a\n",
        b"# coding: base64\nimport a\n",
        b"import a\nimport\n",
        b"import a\nfrom import b\n",
        b"import a\nimport b(\n",
        b"import a\nfrom b import (c) d\n",
        b"import a\nimport b 'c'\n",
    ],
)
def test_what_cannot_be_read_with_certainty_is_read_tolerantly_and_says_so(content: bytes) -> None:
    facts = read(content)
    assert "a" in [each.module for each in facts.imports]
    assert [(fault.level, fault.code) for fault in facts.faults] == [("warning", "unreadable-source")]


def test_the_tolerant_reading_finds_imports_that_the_strict_one_would_miss() -> None:
    source = "x = 'open\nfrom a import (\n  b,\n  c)\nimport d as e, f\nimport_module('g.h')\n__import__('i')\n"
    found = {(each.module, each.names) for each in read(source).imports}
    assert found >= {("a", ("b", "c")), ("d", ()), ("f", ()), ("g.h", ()), ("i", ())}


@pytest.mark.parametrize(
    "source",
    [
        "import a\nx = '" + "(" * 100_000 + "\n",
        "import a\nx = " + "(" * 5_000 + "'\n",
        "import a\nimport_module(x)\n" + "-" * 50_000 + "1",
        "import a\n__import__" + "[0]" * 20_000,
    ],
)
def test_nesting_without_end_is_no_exception(source: str) -> None:
    assert "a" in modules(source)


def test_a_huge_file_is_read_and_not_parsed() -> None:
    source = "import a\n" + "x = 'line'\n" * 300_000 + "__import__(b)\nimport c\n"
    facts = read(source)
    assert [each.module for each in facts.imports][:1] == ["a"]
    assert "c" in [each.module for each in facts.imports]
    assert facts.faults[0].code == "unreadable-source"


def test_a_file_without_imports_says_nothing() -> None:
    assert read("class A(Event):\n    pass\n") == Facts()


def test_contracts_and_events_are_known_by_their_bases() -> None:
    source = """
from decant import Contract, Event as E
from decant.events import Event
import decant
from .base import ShopEvent
from pydantic import BaseModel

class Orders(Contract):
    class Inner(Event): ...

class Placed(E, type="order.placed"): ...
class Paid(
    decant.Event,
    key="x",
): ...
class Later(Paid): ...
class Moved(ShopEvent): ...
class Plain(BaseModel): ...
class Alone: ...
class Own(Alone): ...
"""
    assert read(source).classes == (
        Class("Orders", ("contract",)),
        Class("Placed", ("event",)),
        Class("Paid", ("event",)),
        Class("Later", ("event",)),
        Class("Moved", (".base:ShopEvent",)),
        Class("Plain", ("pydantic:BaseModel",)),
    )


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\nc = pytest.importorskip('common.x')",
        "import os\nif os.name:\n    pytest_plugins = ['common.x']",
    ],
)
def test_what_pytest_imports_by_its_name_counts(source: str) -> None:
    assert "common.x" in modules(source)
