"""Builds the wheel, installs it with its pinned dependencies into an empty environment and looks at what arrived."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PROBE = """
import importlib, pathlib, sys
import decant, decant_tools
assert pathlib.Path(decant.__file__).is_relative_to(sys.prefix), decant.__file__
assert "sqlalchemy" not in sys.modules and "granian" not in sys.modules
for name in decant.__all__:
    getattr(decant, name)
print("imported", len(decant.__all__), "names")
"""


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT)


def expected_files() -> set[str]:
    """Return what git knows under src, as paths inside the wheel."""
    listing = subprocess.run(["git", "ls-files", "-z", "src"], check=True, cwd=ROOT, capture_output=True, text=True)
    names = [name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    return {name.removeprefix("src/") for name in names if not name.endswith(".gitignore")}


def check(folder: Path) -> None:
    run(
        BIN / "uv",
        "build",
        "--quiet",
        "--no-build-isolation",
        "--offline",
        "--wheel",
        "--sdist",
        "--out-dir",
        folder,
        ROOT,
    )
    (wheel,) = folder.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    missing = sorted(expected_files() - inside)
    if missing:
        sys.exit("The wheel leaves out: " + ", ".join(missing))
    if not any(name.endswith("licenses/LICENSE") for name in inside):
        sys.exit("The wheel holds no licence.")
    venv = folder / "venv"
    python = venv / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    install = [BIN / "uv", "pip", "install", "--quiet", "--python", python]
    run(*install, "--require-hashes", "-r", ROOT / "requirements" / "run.txt")
    run(*install, "--no-deps", wheel)
    run(BIN / "uv", "pip", "check", "--quiet", "--python", python)
    run(python, "-I", "-W", "error", "-c", PROBE)
    run(venv / "bin" / "decant", "--version")
    print(f"{wheel.name}: {len(inside)} files, {wheel.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))
