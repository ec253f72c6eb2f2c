"""What is shown of a fence's marks on the documentation's site."""

from __future__ import annotations

from scripts.docs_hooks import on_page_markdown


def test_a_files_name_stands_above_its_block() -> None:
    assert (
        on_page_markdown('```python title="shop/api.py"\nx = 1\n```\n')
        == "**`shop/api.py`**\n\n```python\nx = 1\n```\n"
    )


def test_an_excerpt_names_where_it_is_from() -> None:
    assert on_page_markdown('```toml from="decant.toml"\n').startswith("**`decant.toml`**\n\n```toml\n")


def test_a_changed_line_says_so() -> None:
    assert on_page_markdown('```toml title="decant.toml" change\n').startswith("**`decant.toml`** (changed line)\n")


def test_other_marks_are_not_shown() -> None:
    assert on_page_markdown("```console server=shop:8000\n$ decant run\n```\n") == "```console\n$ decant run\n```\n"


def test_blocks_in_lists_keep_their_indent() -> None:
    assert on_page_markdown('    ```python title="a.py"\n') == "    **`a.py`**\n\n    ```python\n"


def test_a_plain_fence_stays_as_it_is() -> None:
    assert on_page_markdown("```python\nx = 1\n```\n") == "```python\nx = 1\n```\n"
