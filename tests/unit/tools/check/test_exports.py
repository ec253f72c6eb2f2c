"""What packages export."""

from __future__ import annotations

import pytest

from decant_tools.check import export_violations
from tests.unit.tools.check.conftest import Tree

LAZY = """
from importlib import import_module
from typing import TYPE_CHECKING, Any
if TYPE_CHECKING:
    from app.one import NAME
__all__ = ["NAME"]
def __getattr__(name: str) -> Any: ...
"""


def rules(tree: Tree, text: str) -> list[str]:
    root = tree({"app/__init__.py": text, "app/one.py": "NAME = 1"})
    return [f"{found.rule}: {found.message}" for found in export_violations(root, ["app"])]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"""Nothing."""',
        'from __future__ import annotations\nfrom app.one import NAME\n__all__ = ["NAME"]',
        LAZY,
        "_OWN = 1",
    ],
)
def test_a_package_that_exports_what_it_binds_is_right(tree: Tree, text: str) -> None:
    assert rules(tree, text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("from app.one import NAME", "export-hidden: NAME is public and missing in __all__"),
        ("__all__ = []\ndef offered(): ...", "export-hidden: offered is public and missing in __all__"),
        ("__all__ = ['GONE']", "export-unbound: __all__ names GONE, and nothing here is called so"),
        (LAZY.replace('["NAME"]', '["NAME", "GONE"]'), "export-unbound: __all__ names GONE"),
    ],
)
def test_every_kind_of_violation_is_found(tree: Tree, text: str, message: str) -> None:
    (found,) = rules(tree, text)
    assert message in found
