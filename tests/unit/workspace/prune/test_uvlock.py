"""A lock file is reduced to what some members need; what stays, stays byte for byte."""

from __future__ import annotations

import tomllib

import pytest

from decant_tools.workspace.prune.uvlock import LockError, slice_lock

HEAD = """\
version = 1
revision = 5
requires-python = ">=3.11"

[manifest]
members = [
    "common",
    "orders",
    "root",
    "users",
]
"""


def registry(name: str, version: str = "1.0.0", more: str = "") -> str:
    return f"""
[[package]]
name = "{name}"
version = "{version}"
source = {{ registry = "https://pypi.example.org/simple" }}
{more}wheels = [
    {{ url = "https://pypi.example.org/{name}-{version}-py3-none-any.whl", hash = "sha256:{"0" * 64}" }},
]
"""


def member(name: str, folder: str, more: str = "") -> str:
    return f"""
[[package]]
name = "{name}"
version = "0.1.0"
source = {{ editable = "{folder}" }}
{more}"""


COMMON = member("common", "libs/common")
ORDERS = member(
    "orders",
    "services/orders",
    'dependencies = [\n    { name = "common" },\n    { name = "lonely", version = "1.0.0", '
    'source = { registry = "https://pypi.example.org/simple" } },\n]\n\n'
    '[package.dev-dependencies]\ndev = [\n    { name = "tool" },\n]\n',
)
USERS = member("users", "services/users", 'dependencies = [\n    { name = "socks" },\n]\n')
ROOT = """
[[package]]
name = "root"
version = "0"
source = { virtual = "." }
dependencies = [
    { name = "orders" },
    { name = "users" },
]

[package.metadata]
requires-dist = [
    { name = "orders", editable = "services/orders" },
    { name = "users", extras = ["x"], marker = "python_full_version < '4'", editable = "services/users" },
]
"""
LONELY = registry("lonely", more='dependencies = [\n    { name = "leaf" },\n]\n')
LEAF, TOOL, SOCKS = registry("leaf"), registry("tool"), registry("socks")
WHOLE = HEAD + COMMON + LEAF + LONELY + registry("lonely", "2.0.0") + ORDERS + ROOT + SOCKS + TOOL + USERS


def test_what_a_member_needs_stays_and_nothing_else() -> None:
    found = slice_lock(WHOLE, {"services/orders", "libs/common"})
    root = "".join(line for line in ROOT.splitlines(keepends=True) if '"users"' not in line)
    head = HEAD.replace('    "users",\n', "")
    assert found.text == head + COMMON + LEAF + LONELY + ORDERS + root + TOOL
    assert found.dropped == {"users"}
    assert found.kept == {"common", "leaf", "lonely", "orders", "root", "tool"}


def test_the_whole_workspace_stays_as_it_is() -> None:
    whole = WHOLE.replace(registry("lonely", "2.0.0"), "")
    assert slice_lock(whole, {"services/orders", "services/users", "libs/common"}).text == whole


def test_a_group_of_a_root_that_is_no_package_stays() -> None:
    head = HEAD + '\n[manifest.dependency-groups]\ndev = [{ name = "tool" }]\n'
    found = slice_lock(head + COMMON + TOOL + SOCKS, {"libs/common"})
    assert found.kept == {"common", "tool"}


def test_an_item_in_one_line_is_taken_out() -> None:
    root = ROOT.replace("[\n    {", "[{").replace("},\n]", "}]").replace("},\n    {", "}, {")
    found = slice_lock(HEAD + COMMON + LEAF + LONELY + ORDERS + root + SOCKS + TOOL + USERS, {"services/orders"})
    table = next(table for table in tomllib.loads(found.text)["package"] if table["name"] == "root")
    assert table["dependencies"] == [{"name": "orders"}]
    assert [entry["name"] for entry in table["metadata"]["requires-dist"]] == ["orders"]


@pytest.mark.parametrize(
    "text", ["[[package", "version = 2\n", HEAD + ORDERS, 'version = 1\npackage = [{name = "a"}]\n']
)
def test_what_cannot_be_reduced_is_refused(text: str) -> None:
    with pytest.raises(LockError):
        slice_lock(text, {"services/orders"})
