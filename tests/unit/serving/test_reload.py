"""What counts as a change."""

from __future__ import annotations

from pathlib import Path

from decant.serving.reload import changes, snapshot, syntax_error


def write(root: Path, name: str, text: str = "x = 1\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_code_and_settings_are_watched_and_nothing_that_the_service_writes(tmp_path: Path) -> None:
    for name in ("shop/views.py", "decant.toml", "shop/.env", "shop/a.html", ".decant/books.db", ".git/x.py"):
        write(tmp_path, name)
    for name in ("node_modules/x.py", "shop/__pycache__/x.py", "venv/pyvenv.cfg", "venv/lib/x.py"):
        write(tmp_path, name)
    seen = {str(Path(path).relative_to(tmp_path)) for path in snapshot(tmp_path)}
    assert seen == {"shop/views.py", "decant.toml", "shop/.env"}


def test_new_changed_and_removed_files_are_changes(tmp_path: Path) -> None:
    kept, edited, removed = (write(tmp_path, name) for name in ("kept.py", "edited.py", "removed.py"))
    before = snapshot(tmp_path)
    edited.write_text("x = 1000\n")
    removed.unlink()
    new = write(tmp_path, "new.py")
    assert changes(before, snapshot(tmp_path)) == sorted(map(str, (edited, new, removed)))
    assert kept.exists()


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert snapshot(tmp_path / "nowhere") == {}


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "broken.py", "x = 1\ndef f(:\n")
    assert syntax_error(str(path)) == f"{path}:2: invalid syntax"


def test_code_that_compiles_other_files_and_removed_ones_have_no_syntax_error(tmp_path: Path) -> None:
    assert syntax_error(str(write(tmp_path, "fine.py"))) is None
    assert syntax_error(str(write(tmp_path, "decant.toml", "[["))) is None
    assert syntax_error(str(tmp_path / "removed.py")) is None
