"""Reading imports."""

from __future__ import annotations

import pytest

from decant.errors import CommandError
from decant_tools.check import read_imports
from tests.unit.tools.check.conftest import Tree


@pytest.mark.parametrize(
    ("statement", "imported"),
    [
        ("import app.low", {"app.low"}),
        ("import app.low as low, os", {"app.low"}),
        ("from app import low", {"app.low"}),
        ("from app import low, NAME", {"app.low", "app"}),
        ("from app.low import NAME", {"app.low"}),
        ("from app.low import *", {"app.low"}),
        ("from . import low", {"app.low"}),
        ("from .low import NAME", {"app.low"}),
        ("from .sub import deep", {"app.sub.deep"}),
        ("def late():\n    from app.low import NAME", {"app.low"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.low", {"app.low"}),
        ("import app_low, other.low", set()),
        ("import app.high", set()),
    ],
)
def test_every_form_of_import_is_seen(tree: Tree, statement: str, imported: set[str]) -> None:
    root = tree({"app/high.py": statement, "app/low.py": "NAME = 1", "app/sub/deep.py": ""})
    assert read_imports(root, ["app"]).edges().get("app.high", set()) == imported


def test_relative_imports_of_a_package_start_at_itself(tree: Tree) -> None:
    root = tree(
        {"app/sub/__init__.py": "from . import deep\nfrom .. import low", "app/low.py": "", "app/sub/deep.py": ""}
    )
    assert read_imports(root, ["app"]).edges() == {"app.sub": {"app.sub.deep", "app.low"}}


def test_an_import_knows_its_file_and_line(tree: Tree) -> None:
    found = read_imports(tree({"app/high.py": "\n\nimport app.low", "app/low.py": ""}), ["app"]).between(
        "app.high", "app.low"
    )
    assert (found.path, found.line) == ("app/high.py", 3)


def test_a_package_that_does_not_exist_is_left_out(tree: Tree) -> None:
    assert set(read_imports(tree({"app/one.py": ""}), ["app", "missing"]).paths) == {"app", "app.one"}


def test_a_file_that_is_not_python_is_named_with_its_line(tree: Tree) -> None:
    with pytest.raises(CommandError, match=r"app/broken\.py:2: this is not Python"):
        read_imports(tree({"app/broken.py": "x = 1\ndef (:\n"}), ["app"])
