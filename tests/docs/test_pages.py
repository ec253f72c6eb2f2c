"""Every page's snippets do what the page says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.snippets import CHECKED, Block, blocks, commands, module_name

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "examples", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])
CHAPTERS = {path for path in PAGES if path.parent.name == "tutorial" and path.name[0].isdigit()}
"""Pages that ``test_tutorial`` follows to the letter."""
BIN = Path(sys.executable).parent


def run(command: list[str], folder: Path) -> str:
    """Run a command in a page's folder and return what it printed."""
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DECANT_HOME": str(folder / ".decant")}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


def write(block: Block, folder: Path) -> None:
    path = (folder / block.title).resolve()
    assert path.is_relative_to(folder.resolve()), f"{block.title} is outside of the page's folder"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text)


def check(block: Block, folder: Path) -> None:
    """Do what a block's marks ask for."""
    if block.is_file:
        write(block, folder)
    if block.is_file and block.title.endswith(".py"):
        run([sys.executable, "-W", "error", "-c", f"import {module_name(block.title)}"], folder)
    elif block.language == "python":
        compile(block.text, f"line {block.line}", "exec")
    elif block.language == "console" and block.title == CHECKED:
        for command in commands(block):
            output = run(["sh", "-c", command.line], folder)
            assert command.matches(output), f"$ {command.line}\n{output}\ninstead of\n{command.output}"


@pytest.mark.parametrize("path", sorted(set(PAGES) - CHAPTERS), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_snippets_of_a_page_work(path: Path, tmp_path: Path) -> None:
    for block in blocks(path.read_text()):
        try:
            check(block, tmp_path)
        except (AssertionError, SyntaxError) as error:
            pytest.fail(f"{path.relative_to(ROOT)}:{block.line}: {error}", pytrace=False)
