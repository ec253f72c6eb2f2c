from __future__ import annotations

from decant_tools.workspace.facts import extract

UV = """version = 1
revision = 3
requires-python = ">=3.11"

[manifest]
members = ["orders", "common"]

[[package]]
name = "flask"
version = "3.0.0"
source = { registry = "https://pypi.example.org/simple" }
dependencies = [
    { name = "Jinja2" },
    { name = "colorama", marker = "sys_platform == 'win32'" },
]
wheels = [
    { url = "https://pypi.example.org/flask.whl", hash = "sha256:aa", size = 1 },
]

[package.optional-dependencies]
async = [
    { name = "asgiref" },
]

[[package]]
name = "orders"
version = "0.1.0"
source = { editable = "services/orders" }
dependencies = [
    { name = "common" },
]

[package.dev-dependencies]
dev = [
    { name = "pytest" },
]

[package.metadata]
requires-dist = [{ name = "common", editable = "libs/common" }, { name = "not-resolved" }]
"""


def test_a_lock_of_uv_tells_packages_and_what_they_need() -> None:
    found = extract("uv.lock", UV.encode()).locked
    assert [each[:3] + each[4:] for each in found] == [
        ("flask", "3.0.0", ("asgiref", "colorama", "jinja2"), ""),
        ("orders", "0.1.0", ("common", "pytest"), "services/orders"),
    ]


def test_a_change_of_one_package_changes_its_digest_alone() -> None:
    before = extract("uv.lock", UV.encode()).locked
    after = extract("uv.lock", UV.replace("sha256:aa", "sha256:bb").encode()).locked
    assert [old.digest == new.digest for old, new in zip(before, after, strict=True)] == [False, True]


def test_the_fast_reading_and_the_parser_agree_about_uv() -> None:
    parsed = extract("uv.lock", ("# by hand\n" + UV).encode()).locked
    assert [each.name for each in parsed] == ["flask", "orders"]


def test_locks_of_poetry_pdm_and_pep_751_are_read() -> None:
    poetry = '[[package]]\nname = "flask"\nversion = "3"\n[package.dependencies]\nJinja2 = ">=3"\n'
    pdm = '[[package]]\nname = "flask"\nversion = "3"\ndependencies = ["Jinja2>=3"]\n'
    pylock = '[[packages]]\nname = "flask"\nversion = "3"\ndependencies = [{ name = "Jinja2" }]\n'
    for path, text in (("poetry.lock", poetry), ("pdm.lock", pdm), ("pylock.toml", pylock)):
        assert [each[:3] for each in extract(path, text.encode()).locked] == [("flask", "3", ("jinja2",))]


def test_a_lock_in_a_merge_conflict_is_an_error() -> None:
    text = UV + "\n<<<<<<< HEAD\n"
    assert [fault.code for fault in extract("uv.lock", text.encode()).faults] == ["unreadable-lock"]
    assert extract("poetry.lock", b"[[package").faults[0].code == "unreadable-lock"
