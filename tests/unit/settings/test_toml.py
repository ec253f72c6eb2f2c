from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import SettingsError
from decant.settings.positions import find_positions
from decant.settings.toml import MAX_BYTES, TomlFile, read_toml

TEXT = """\
[a]
x = 1 # x = 2
"q.k".'z w' = \"\"\"
[not a table]
\"\"\"
[[b.c]]
p = [
  1,
  { u = 1, v.w = "}," },
]
[[b.c]]
[b.c.d]
e = 'it''s'
""".replace("''s", "s")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TomlFile:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(TEXT)
    return read_toml("x.toml")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a",), 1),
        (("a", "x"), 2),
        (("a", "q.k", "z w"), 3),
        (("b", "c", 0), 6),
        (("b", "c", 0, "p"), 7),
        (("b", "c", 0, "p", 1), 9),
        (("b", "c", 0, "p", 1, "v", "w"), 9),
        (("b", "c", 1), 11),
        (("b", "c", 1, "d", "e"), 13),
        (("a", "missing"), 1),
        (("a", "x", "missing"), 2),
        (("nothing",), 1),
    ],
)
def test_the_line_of_a_key_is_found(file: TomlFile, keys: tuple[str | int, ...], line: int) -> None:
    assert file.line_of(*keys) == line


def test_a_place_is_file_and_line(file: TomlFile) -> None:
    assert file.at("a", "x") == "x.toml:2"


keys = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), st.text(max_size=5))
scalars = st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{quoted(key)} = {written(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(written, value)) + "\n]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


@given(tables=st.dictionaries(keys, st.dictionaries(keys, values, max_size=4), max_size=4))
def test_every_key_of_any_document_is_found_on_its_line(tables: dict[str, dict[str, Any]]) -> None:
    text = ""
    expected: dict[tuple[str | int, ...], int] = {}
    for table, entries in tables.items():
        expected[(table,)] = text.count("\n") + 1
        text += f"[{quoted(table)}]\n"
        for key, value in entries.items():
            expected[table, key] = text.count("\n") + 1
            text += f"{quoted(key)} = {written(value)} # [x]\n"
    assert tomllib.loads(text) == tables
    found = find_positions(text)
    assert {place: found.get(place) for place in expected} == expected


@given(st.text())
def test_any_text_can_be_looked_through(text: str) -> None:
    assert all(line >= 1 for line in find_positions(text).values())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name = shop", 'x.toml:1: Invalid value in column 8: `name = shop`. Put text into quotes: name = "shop"'),
        ("\nx = True", "x.toml:2: Invalid value in column 5: `x = True`. Write x = true"),
        ("x = null", "TOML has no null: leave the key out."),
        ("a = 1\na = 2", "The name is written twice: keep one of them."),
        ("x: 1", "Write one `key = value` per line."),
        ("a = [1,\n\n", "x.toml:1: Invalid value at the end of the file."),
        ("password = hunter2", "x.toml:1: Invalid value in column 12: `password = ***`."),
        ("x = { api_key = hunter2 }", "`x = { api_key = ***`"),
        ("url = redis://:hunter2@h", "`url = redis://:***@h`"),
        ('token = """\nhunter2', "x.toml:2: "),
    ],
)
def test_a_syntax_error_tells_line_and_cure_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_toml("x.toml")
    assert fault in caught.value.faults[0]
    assert "hunter2" not in str(caught.value)


def test_what_is_no_readable_file_is_told(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    huge.write_bytes(b"#" * (MAX_BYTES + 1))
    latin = tmp_path / "latin"
    latin.write_bytes(b"a = 1\nb = '\xe9'")
    for path, message in {
        tmp_path: "This is a folder",
        tmp_path / "missing": "There is no such file",
        tmp_path / "nul\0": "There is no such file",
        huge: "larger than 1 MiB",
        latin: "latin:2: Byte 0xe9 is not UTF-8",
    }.items():
        with pytest.raises(SettingsError, match=message):
            read_toml(path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_toml(tmp_path / "x.toml").data == {"a": 1}
