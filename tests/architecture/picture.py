"""Draws ``docs/reference/architecture.md`` from the code: ``make docs-architecture``."""

from __future__ import annotations

from decant_tools.check import Layers, mermaid
from tests.architecture.contract import ROOT, graph, layers

PAGE = ROOT / "docs" / "reference" / "architecture.md"
TEXT = """\
# Architecture

<!-- Drawn from the code by `make docs-architecture`: change the code, then draw again. -->

An arrow is an import, type-only and in-function imports included. Imports point downwards only, and boxes side by side do not
know each other. Everything may use the lowest layer, so its arrows are left out.

```mermaid
{picture}
```

| layer, from high to low | packages and modules of `{container}` |
| --- | --- |
{rows}
"""


def draw() -> str:
    """Return the page as it must be."""
    found = layers()
    return TEXT.format(picture=mermaid(graph(), found), container=found.container, rows="\n".join(_rows(found)))


def _rows(found: Layers) -> list[str]:
    present = found.members(graph())
    named = [[name for name in layer.names if name in present] for layer in found.layers]
    filled = [names for names in named if names]
    return [
        f"| {number} | {', '.join(f'`{name}`' for name in names)} |" for number, names in enumerate(filled, start=1)
    ]


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(draw())
