"""Layers of packages."""

from __future__ import annotations

import pytest

from decant_tools.check import Layer, forbidden_violations, layer_violations, parse_layers, read_imports
from tests.unit.tools.check.conftest import Tree

LAYERS = parse_layers("app", ["(top)", "left | right", "base : tools"], outside=["plugin"])
PLACES = {"app/left/one.py": "", "app/right/two.py": "", "app/base.py": "", "app/tools.py": ""}


def messages(tree: Tree, files: dict[str, str]) -> list[str]:
    return [str(found) for found in layer_violations(read_imports(tree({**PLACES, **files}), ["app"]), LAYERS)]


def test_layers_are_read_from_high_to_low() -> None:
    assert LAYERS.layers == (
        Layer(("top",), independent=True, optional=frozenset({"top"})),
        Layer(("left", "right"), independent=True),
        Layer(("base", "tools"), independent=False),
    )


def test_downwards_and_within_one_package_is_right(tree: Tree) -> None:
    files = {
        "app/left/one.py": "import app.base\nimport app.left.other",
        "app/left/other.py": "",
        "app/top.py": "import app.left.one",
    }
    assert messages(tree, files) == []


def test_siblings_may_know_each_other_where_the_layer_says_so(tree: Tree) -> None:
    assert messages(tree, {"app/base.py": "import app.tools"}) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"app/base.py": "import app.left.one"}, "left is in a higher layer than base"),
        ({"app/base.py": "def late():\n    import app.left.one"}, "left is in a higher layer than base"),
        ({"app/left/one.py": "import app.right.two"}, "siblings do not know each other"),
        (
            {"app/left/one.py": "from app import NAME"},
            "import from the module that defines the name, not from app itself",
        ),
        ({"app/plugin.py": "import app.base"}, "it stands outside of all layers"),
        ({"app/left/one.py": "import app.plugin", "app/plugin.py": ""}, "it stands outside of all layers"),
        ({"app/news.py": ""}, "app.news is in no layer"),
        ({"app/news/deep.py": ""}, "app.news is in no layer"),
    ],
)
def test_every_kind_of_violation_is_found(tree: Tree, files: dict[str, str], message: str) -> None:
    (found,) = messages(tree, files)
    assert message in found


def test_a_name_that_must_exist_and_does_not_is_found(tree: Tree) -> None:
    root = tree({"app/left.py": "", "app/right.py": "", "app/base.py": ""})
    (found,) = layer_violations(read_imports(root, ["app"]), LAYERS)
    assert (found.path, found.rule) == ("app.tools", "layer-missing")


def test_the_container_itself_may_import_what_it_exports(tree: Tree) -> None:
    assert messages(tree, {"app/__init__.py": "from app.left.one import NAME"}) == []


def test_a_forbidden_import_is_found_with_its_line(tree: Tree) -> None:
    root = tree({"app/base.py": "\nimport tools.deep.inner", "tools/deep/inner.py": "", "tools_too/x.py": ""})
    (found,) = forbidden_violations(read_imports(root, ["app", "tools", "tools_too"]), ["app"], ["tools"])
    assert str(found) == "app/base.py:2: forbidden: app.base must not import tools.deep.inner"
