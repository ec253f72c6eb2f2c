"""What a change of ``decant.toml`` touches."""

from __future__ import annotations

import pytest

from decant_tools.workspace.affected.settings import Touched, compare_settings

OLD = """
[workspace]
modules = "shop"
topology = "monolith"
[services.orders]
path = "services/orders"
[libs.common.tasks.test]
command = "pytest"
[topologies.monolith]
shop = ["*"]
"""


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ('path = "services/orders"', 'path = "services/orders"\nport = 5001', Touched({"service:orders": "[services.orders]"})),
        ("[services.orders]", "[services.users]\nport = 1\n[services.orders]", Touched({"service:users": "[services.users]"})),
        ('"pytest"', '"pytest -q"', Touched({"lib:common": "[libs.common]"})),
        ('topology = "monolith"', 'topology = "services"', Touched(hosting=True)),
        ('shop = ["*"]', 'shop = ["a"]\nother = ["*"]', Touched(hosting=True)),
        ('modules = "shop"', 'modules = "store"', Touched(everything="[workspace]")),
        ("[services.orders]", "[tasks.test]\n[services.orders]", Touched(everything="[tasks]")),
        ("[services.orders]", "services = 1\n[x]\n[y.orders]", Touched(everything="[x]")),
        ("[workspace]", "# a comment\n[workspace]", Touched()),
    ],
    ids=["setting", "new", "task", "choice", "topology", "workspace", "shared-task", "odd", "comment"],
)  # fmt: skip
def test_tables_touch_what_they_are_about(old: str, new: str, touched: Touched) -> None:
    after = OLD.replace(old, new) if "services = 1" not in new else "[x]\n" + OLD
    assert compare_settings(OLD.encode(), after.encode()) == touched
    reverse = compare_settings(after.encode(), OLD.encode())
    assert (set(reverse.projects), reverse.hosting) == (set(touched.projects), touched.hosting)


def test_a_table_that_is_none_is_about_everything() -> None:
    assert compare_settings(b"services = 1", b"[services.a]").everything == "[services]"


@pytest.mark.parametrize("broken", [b"[", b"\xff"])
def test_what_cannot_be_read_is_a_fault(broken: bytes) -> None:
    assert "decant.toml" in compare_settings(broken, b"").fault
    assert "decant.toml" in compare_settings(b"", broken).fault


def test_a_new_file_and_one_that_is_gone_are_compared_with_an_empty_one() -> None:
    assert compare_settings(None, b"[services.a]").projects == {"service:a": "[services.a]"}
    assert compare_settings(b"[services.a]", None).projects == {"service:a": "[services.a]"}
    assert compare_settings(None, None) == Touched()
