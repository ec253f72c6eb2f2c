"""Members that stay behind are taken out of the root's own manifest."""

from __future__ import annotations

import pytest

from decant_tools.workspace.prune.members import without_members

TEXT = """\
[project]
name = "root"
description = "has users"
dependencies = [
  "orders",  # ours
  "My_Users>=1",  # theirs
]
keywords = ["users"]

[project.optional-dependencies]
one = ["my.users[x]", "flask"]
two = ["flask", 'my-users']
three = ["my-users"]

[dependency-groups]
dev = ["pytest", "my-users", {include-group = "lint"}]
lint = []

[tool.uv.workspace]
members = ["services/*", "my-users"]

[tool.uv.sources]
orders = { workspace = true }
my_users = { workspace = true }

[tool.other]
list = ["my-users"]
"""


def test_requirements_and_sources_go_and_all_else_stays() -> None:
    assert without_members(TEXT, {"my-users"}) == (
        TEXT.replace('  "My_Users>=1",  # theirs\n', "")
        .replace('"my.users[x]", "flask"', '"flask"')
        .replace(""", 'my-users']""", "]")
        .replace('three = ["my-users"]', "three = []")
        .replace('"pytest", "my-users"', '"pytest"')
        .replace("my_users = { workspace = true }\n", "")
    )


def test_a_file_without_them_stays_as_it_is() -> None:
    assert without_members(TEXT, {"billing"}) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        'project = {name = "root", dependencies = ["users"]}\n',
        "[tool.uv]\nsources = {users = {workspace = true}}\n",
        '[project]\nname = "a"\ndependencies = ["""users"""]\n',
        '[project]\nname = "a"\nkeywords = ["users"]\ndependencies = ["users"]\n',
    ],
)
def test_what_is_not_sure_is_not_done(text: str) -> None:
    assert without_members(text, {"users"}) is None
