"""What the scripts behind `make` say when something is missing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("sh", "cat", "cksum", "dirname", "rm", "env")


def run(*command: str | Path, folder: Path = ROOT, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environ},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return what `scripts/setup` reads, without an environment."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a folder for PATH that has a shell's tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return folder


def write_python(folder: Path, lines: str) -> Path:
    """Write a stand-in for Python; ``$*`` is what it is asked."""
    python = folder / "python3"
    python.write_text(f"#!/bin/sh\n{lines}\n")
    python.chmod(0o755)
    return python


OLD = """case "$*" in *print*) echo "${PREFIX:-}3.10" ;; *) exit 1 ;; esac"""


def test_setup_without_any_python_says_what_to_install(checkout: Path, path: Path) -> None:
    code, output = run("scripts/setup", folder=checkout, PATH=str(path))
    assert (code, output.count("\n")) == (1, 1)
    assert output.startswith("Decant needs Python 3.11 or newer, and there is no Python here: install one (Debian: apt")


def test_setup_with_an_old_python_alone_names_its_version(checkout: Path, path: Path) -> None:
    write_python(path, OLD)
    code, output = run("scripts/setup", folder=checkout, PATH=str(path), PREFIX="Python ")
    assert (code, output.count("\n")) == (1, 1)
    assert "and there is Python 3.10 here" in output


def test_setup_refuses_an_old_python_that_was_named(checkout: Path, path: Path) -> None:
    python = write_python(path, OLD)
    code, output = run("scripts/setup", folder=checkout, PYTHON=str(python))
    assert (code, output) == (
        1,
        f"PYTHON={python} is Python 3.10, and Decant needs 3.11 or newer: point PYTHON to one, or leave it out.\n",
    )


def test_setup_refuses_a_python_that_does_not_start(checkout: Path) -> None:
    code, output = run("scripts/setup", folder=checkout, PYTHON="/does/not/exist")
    assert code == 1
    assert output.startswith("PYTHON=/does/not/exist does not start: ")


def test_setup_names_the_debian_package_of_venv(checkout: Path, path: Path) -> None:
    write_python(path, f"""case "$*" in *ensurepip*) exit 1 ;; esac; exec {sys.executable} "$@" """)
    code, output = run("scripts/setup", folder=checkout, PATH=str(path))
    version = "{}.{}".format(*sys.version_info)
    assert code == 1
    assert output.startswith(f"Python {version} here cannot make virtual environments: ")
    assert output.endswith(f"with apt install python{version}-venv.\n")


def test_a_port_in_use_is_named_with_another_one_that_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = run(sys.executable, "scripts/port_is_free.py", str(port))
    assert (code, output.count("\n")) == (6, 1)
    assert output.startswith(f'Port {port} is in use by another program: start on another one with "make up PORT=80')


@pytest.mark.parametrize("text", ["", "abc", "0", "70000", "-1", "８０"])
def test_what_is_not_a_port_is_refused(text: str) -> None:
    code, output = run(sys.executable, "scripts/port_is_free.py", text)
    assert (code, output) == (
        6,
        f'PORT={text} is not a port: choose a number from 1 to 65535, for instance "make up PORT=8001".\n',
    )


def test_a_free_port_is_no_news() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert run(sys.executable, "scripts/port_is_free.py", str(port)) == (0, "")


def test_reset_empties_a_folder_that_decant_made(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    home.mkdir()
    (home / ".gitignore").write_text("*\n")
    (home / "data.sqlite").touch()
    code, output = run("scripts/reset", DECANT_HOME=str(home))
    assert (code, home.exists()) == (0, False), output


def test_reset_leaves_any_other_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    code, output = run("scripts/reset", DECANT_HOME=str(tmp_path))
    assert (code, (tmp_path / "letter.txt").exists()) == (6, True)
    assert "was not made by Decant" in output


@pytest.mark.parametrize("lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_lock_files_have_hashes_and_no_address_of_an_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not {line for line in text.splitlines() if line.startswith("-")}
    pins = [entry for entry in text.replace("\\\n", "").splitlines() if entry[:1].isalnum()]
    assert pins
    assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)
