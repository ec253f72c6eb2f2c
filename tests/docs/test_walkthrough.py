"""How pages are read and followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import Block, Command, blocks, commands, folder_of, missing_from
from tests.docs.walkthrough import Walk

PAGE = """\
Text.

```python title="shop/one.py"
VALUE = 1
```

1. A list:

    ```console
    $ python -c "import shop.one as one; print(one.VALUE + 1)"
    2
    $ echo a; echo b; echo c
    a
    ...
    ```

```python
from shop.one import VALUE

assert VALUE == 1
```

```python
>>> from shop.one import VALUE
>>> VALUE
1
```

```console exit=3
$ echo wrong >&2; exit 3
wrong
```
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_blocks_know_their_line_language_title_and_text() -> None:
    first, second, *_ = blocks(PAGE)
    assert (first.line, first.language, first.title, first.body) == (3, "python", "shop/one.py", "VALUE = 1\n")
    assert (second.line, second.language, second.title) == (9, "console", None)
    assert [command.line for command in commands(second.body)][1] == "echo a; echo b; echo c"


def test_a_command_goes_on_after_a_backslash() -> None:
    (command,) = commands("$ curl -s \\\n    -X POST\nok\n")
    assert (command.line, command.output) == ("curl -s \\\n    -X POST", "ok\n")


def test_a_page_runs_from_top_to_bottom(document: Path, tmp_path: Path) -> None:
    walk = Walk(tmp_path / "folder")
    walk.folder.mkdir()
    walk.follow(document)
    assert walk.commands == 5


@pytest.mark.parametrize(
    "text",
    [
        '```python title="wrong.py"\n1 / 0\n```\n',
        "```python\ndef broken(:\n```\n",
        "```python\n>>> 1 + 1\n3\n```\n",
        "```console\n$ false\n```\n",
        "```console exit=3\n$ true\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```toml\nwrong\n```\n",
        '```python title="../outside.py"\n1\n```\n',
        '```python from="src/decant/clock.py"\nclass Wrong:\n```\n',
        '```toml title="missing.toml" change\nkey = 1\n```\n',
    ],
)
def test_a_page_that_is_wrong_fails(text: str, document: Path, tmp_path: Path) -> None:
    document.write_text(text)
    with pytest.raises((AssertionError, FileNotFoundError)):
        Walk(tmp_path).follow(document)


def test_dots_stand_for_anything_and_brackets_for_themselves() -> None:
    assert Command("x", "[1] done in ... s").matches("[1] done in 0.3 s\n")
    assert not Command("x", "[1] done").matches("1 done")


def test_an_excerpt_may_leave_lines_out_but_not_change_their_order() -> None:
    assert missing_from("a\n# …\nc\n", "a\nb\nc\n") is None
    assert missing_from("c\n# …\na\n", "a\nb\nc\n") == "a"


def test_a_page_may_begin_in_a_copy_of_a_folder() -> None:
    assert folder_of("# T\n\n<!-- folder: examples/bookclub -->\n") == "examples/bookclub"
    assert folder_of("# T\n") is None


def test_a_block_for_a_terminal_of_ones_own_is_only_shown() -> None:
    assert not Block("sh", "", "make up\n").is_run


def test_a_page_goes_on_where_another_began_to_serve(tmp_path: Path, document: Path) -> None:
    text = document.read_text().replace(
        "```console exit=3", "```console server=one:8000\n$ no such server\n```\n\n```console exit=3"
    )
    document.write_text(text)
    (tmp_path / "next.md").write_text("<!-- after: page.md -->\n\n```console\n$ cat shop/one.py\nVALUE = 1\n```\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    walk = Walk(folder)
    walk.follow(tmp_path / "next.md")
    assert walk.commands == 5
