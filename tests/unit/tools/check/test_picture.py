"""The picture of the packages, and the report of violations."""

from __future__ import annotations

from decant_tools.check import Violation, mermaid, parse_layers, read_imports, report
from tests.unit.tools.check.conftest import Tree


def test_packages_are_boxes_by_layer_and_the_lowest_has_no_arrows(tree: Tree) -> None:
    root = tree({"app/high.py": "import app.mid.one, app.base", "app/mid/one.py": "import app.base", "app/base.py": ""})
    layers = parse_layers("app", ["high", "mid | (absent)", "base"])
    assert mermaid(read_imports(root, ["app"]), layers).splitlines() == [
        "flowchart TD",
        "  subgraph layer0[ ]",
        "    base",
        "  end",
        "  subgraph layer1[ ]",
        "    mid",
        "  end",
        "  subgraph layer2[ ]",
        "    high",
        "  end",
        "  high --> mid",
    ]


def test_a_report_is_sorted_and_tells_everything_once() -> None:
    later, whole = Violation("b.py", 3, "rule", "wrong"), Violation("a.py", 0, "rule", "large")
    assert report([later, whole, later]) == "a.py: rule: large\nb.py:3: rule: wrong"
