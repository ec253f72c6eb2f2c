"""``decant init`` in real folders, as a person calls it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from decant.topology import load_workspace
from decant_tools.workspace.view import open_view

MONOREPO = Path(__file__).parents[3] / "examples" / "monorepo"
DECANT = (sys.executable, "-c", "from decant.cli import main; main()")
NAME = '[workspace]\nname = "mono"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return shutil.copytree(MONOREPO, tmp_path / "mono", ignore=shutil.ignore_patterns("__pycache__", ".*"))


def init(folder: Path, *options: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [*DECANT, "init", *options], check=False, cwd=folder, capture_output=True, text=True, timeout=50, **kwargs
    )


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_it_shows_what_is_found_and_writes_a_small_file(root: Path) -> None:
    done = init(root, "--yes")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NAME", "KIND", "PATH", "START", "PORT"],
        ["common_utils", "lib", "libs/common_utils"],
        ["db_connector", "lib", "libs/db_connector"],
        ["order_service", "service", "services/order_service", "python", "app.py", "5003"],
        ["product_service", "service", "services/product_service", "python", "app.py", "5002"],
        ["user_service", "service", "services/user_service", "python", "app.py", "5001"],
    ]
    assert "note: services/user_service/requirements.txt:2: ../libs/common_utils" in done.stderr
    assert (root / "decant.toml").read_text().endswith(NAME)
    before = {path.name for path in MONOREPO.iterdir() if not path.name.startswith(".")}
    assert {path.name for path in root.iterdir()} - {".decant"} == before | {"decant.toml"}


def test_the_graph_is_the_same_with_the_file_as_without(root: Path) -> None:
    before = open_view(root)
    graph = before.graph
    assert init(root, "--yes").returncode == 0
    after = open_view(root)
    assert after.graph == graph
    assert after.discovery.projects == before.discovery.projects
    workspace = load_workspace(root, environ={})
    assert (workspace.name, workspace.topology, workspace.services()) == ("mono", "services", ())


def test_dry_run_prints_the_file_and_nothing_else_on_stdout(root: Path) -> None:
    done = init(root, "--dry-run")
    assert (done.returncode, done.stdout[-len(NAME) :], done.stdout[0]) == (0, NAME, "#")
    assert "order_service" in done.stderr
    assert not (root / "decant.toml").exists()
    assert init(root, "--yes").returncode == 0
    assert (root / "decant.toml").read_text() == done.stdout


def test_check_tells_whether_there_is_something_to_write(root: Path) -> None:
    assert init(root, "--check").returncode == 7
    assert not (root / "decant.toml").exists()
    assert init(root, "--yes").returncode == 0
    assert init(root, "--check").returncode == 0


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_without_a_terminal_it_asks_for_the_flag(root: Path, options: tuple[str, ...]) -> None:
    done = init(root, *options)
    assert done.returncode == 2
    assert "--yes" in done.stdout + done.stderr
    assert not (root / "decant.toml").exists()


@pytest.mark.parametrize(("answer", "code", "is_written"), [(b"y\n", 0, True), (b"n\n", 1, False)])
def test_on_a_terminal_it_shows_the_file_and_asks(root: Path, answer: bytes, code: int, *, is_written: bool) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = init(root, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == code, done.stderr
    assert NAME in done.stderr
    assert (root / "decant.toml").exists() is is_written


def test_json_is_one_document(root: Path) -> None:
    document = json.loads(init(root, "--json", "--yes").stdout)
    assert {key: document[key] for key in ("schema", "root", "file", "written", "edges")} == {
        "schema": 1, "root": str(root), "file": "decant.toml", "written": True, "edges": 11,
    }  # fmt: skip
    assert document["content"] == (root / "decant.toml").read_text()
    assert document["projects"][-1] == {
        "name": "user_service",
        "kind": "service",
        "path": "services/user_service",
        "command": "python app.py",
        "port": 5001,
    }
    again = json.loads(init(root, "--json").stdout)
    assert (again["content"], again["written"]) == (None, False)


def test_a_file_that_is_there_is_left_as_it_is(root: Path) -> None:
    (root / "decant.toml").write_text("# mine\n")
    for folder in (root, root / "services"):
        done = init(folder, "--yes")
        assert (done.returncode, (root / "decant.toml").read_text()) == (0, "# mine\n")
        assert "is there already" in done.stderr
    (root / "decant.toml").write_text("[servces]\n")
    wrong = init(root, "--yes")
    assert wrong.returncode == 3
    assert "decant.toml:1: unknown key 'servces'. Did you mean 'services'?" in wrong.stderr


def test_a_package_at_the_root_that_services_import_becomes_a_lib(root: Path) -> None:
    write(
        root, {"shared/__init__.py": "", "other/__init__.py": "", "services/user_service/more.py": "import shared.x\n"}
    )
    assert init(root, "--yes").returncode == 0
    assert (
        '\n[libs.shared] # imported in services/user_service/more.py:1\npath = "shared"\n'
        in (root / "decant.toml").read_text()
    )
    graph = open_view(root).graph
    assert "lib:shared" in graph.closure({"service:user_service"})
    assert "lib:other" not in graph.projects


def test_what_nothing_starts_is_suggested_as_a_comment(root: Path) -> None:
    write(root, {"services/mailer/run.py": "print()\n"})
    done = init(root, "--yes")
    assert done.returncode == 0
    assert '# [services.mailer]\n# path = "services/mailer"\n' in (root / "decant.toml").read_text()
    assert open_view(root).discovery.config.services == {}


def test_a_package_of_the_folders_name_does_not_become_modules_by_accident(root: Path) -> None:
    write(root, {"mono/one/__init__.py": "", "mono/__init__.py": ""})
    assert init(root, "--yes").returncode == 0
    assert 'name = "mono-workspace"' in (root / "decant.toml").read_text()
    assert open_view(root).discovery.modules == ()


def test_modules_of_this_toolkit_are_found_by_the_name(root: Path) -> None:
    write(root, {"mono/one/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n"})
    assert init(root, "--yes").returncode == 0
    assert open_view(root).discovery.modules == ("one",)


def test_an_empty_folder_has_nothing_to_adopt(tmp_path: Path) -> None:
    done = init(tmp_path, "--yes")
    assert done.returncode == 4
    assert "There is nothing to adopt" in done.stderr
    assert not (tmp_path / "decant.toml").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_told(root: Path) -> None:
    root.chmod(0o555)
    try:
        done = init(root, "--yes")
    finally:
        root.chmod(0o755)
    assert done.returncode == 6
    assert "cannot be written" in done.stderr
