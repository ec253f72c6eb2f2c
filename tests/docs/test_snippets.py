"""How snippets are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.snippets import Command, blocks, commands, module_name
from tests.docs.test_pages import check

PAGE = """\
Text.

```python title="shop/one.py"
VALUE = 1
```

1. A list:

    ```console title="checked"
    $ python -c "import shop.one as one; print(one.VALUE + 1)"
    2
    $ echo a; echo b; echo c
    a
    ...
    ```
"""


def test_blocks_know_their_line_language_title_and_text() -> None:
    first, second = blocks(PAGE)
    assert (first.line, first.language, first.title, first.text) == (3, "python", "shop/one.py", "VALUE = 1\n")
    assert (second.line, second.language, second.title) == (9, "console", "checked")
    assert [command.line for command in commands(second)][1] == "echo a; echo b; echo c"


def test_a_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    for block in blocks(PAGE):
        check(block, tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        '```python title="wrong.py"\n1 / 0\n```\n',
        '```console title="checked"\n$ false\n```\n',
        '```console title="checked"\n$ echo one\ntwo\n```\n',
        '```python title="../outside.py"\n1\n```\n',
    ],
)
def test_a_page_that_is_wrong_fails(page: str, tmp_path: Path) -> None:
    (block,) = blocks(page)
    with pytest.raises(AssertionError):
        check(block, tmp_path)


def test_a_block_without_a_title_must_compile(tmp_path: Path) -> None:
    (block,) = blocks("```python\ndef broken(:\n```\n")
    with pytest.raises(SyntaxError):
        check(block, tmp_path)


def test_dots_stand_for_anything_and_brackets_for_themselves() -> None:
    assert Command("x", "[1] done in ... s").matches("[1] done in 0.3 s\n")
    assert not Command("x", "[1] done").matches("1 done")


def test_a_packages_init_is_the_package() -> None:
    assert module_name("shop/catalog/__init__.py") == "shop.catalog"
