"""A workspace's application is Flask's own in every way that its command and its test client know."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.running import BOOKCLUB, copy_workspace

FLASK = str(Path(sys.executable).with_name("flask"))


@pytest.fixture
def club(tmp_path: Path) -> Path:
    return copy_workspace(BOOKCLUB, tmp_path / "club", "monolith")


def flask(root: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DECANT_", "OTEL_", "FLASK_"))}
    return subprocess.run(
        [FLASK, "--app", "bookclub.wsgi", *arguments],
        check=False, cwd=root, env=kept, input=text, text=True, capture_output=True, timeout=30,
    )  # fmt: skip


def test_flask_routes_lists_pages_and_operations(club: Path) -> None:
    done = flask(club, "routes")
    assert done.returncode == 0, done.stderr
    for line in ("books.home", "reviews.latest", "books.list_books", "/api/books/<book_id>/reviews"):
        assert line in done.stdout


def test_flask_shell_has_the_application(club: Path) -> None:
    done = flask(club, "shell", text="print(app.name, sorted(app.blueprints)[:1], 'decant' in app.extensions)\n")
    assert done.returncode == 0, done.stderr
    assert "bookclub" in done.stdout
    assert "True" in done.stdout


def test_a_workspace_may_lie_in_a_folder_with_any_name(club: Path, tmp_path: Path) -> None:
    moved = tmp_path / "a folder — with ünusual % letters"
    shutil.move(club, moved)
    assert flask(moved, "routes").returncode == 0
