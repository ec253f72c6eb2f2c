"""What mkdocs does with the fenced blocks of the pages: the marks that the tests read become a caption."""

from __future__ import annotations

import re
from typing import Any

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)[ ](?P<marks>[^\n]+)$", re.MULTILINE)
NAMED = re.compile(r'\b(?:title|from)="([^"]+)"')


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the marks of each fence by a line above it, since the Markdown library knows none of them."""
    return FENCE.sub(_with_caption, markdown)


def _with_caption(fence: re.Match[str]) -> str:
    indent, opened = fence["indent"], f"{fence['indent']}```{fence['language']}"
    named = NAMED.search(fence["marks"])
    if named is None:
        return opened
    changed = " (changed line)" if fence["marks"].endswith("change") else ""
    return f"{indent}**`{named[1]}`**{changed}\n\n{opened}"
