"""Environments that are made for real, from a folder of wheels; nothing is fetched."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.environments import (
    Environment,
    Purpose,
    environment_for,
    environment_key,
    indexes,
    installers,
    make,
)
from decant_tools.workspace.environments.make import KEPT_S, Shelf
from tests.unit.workspace.environments.sight import Sight, lib, service, use_wheels, write_wheel

ORDERS = service("orders")
BACKEND = """
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "common_utils-0.1.dist-info"
    with zipfile.ZipFile(os.path.join(folder, "common_utils-0.1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("common_utils.pth", os.path.join(os.getcwd(), "src") + "\\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: common_utils\\nVersion: 0.1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "common_utils-0.1-py3-none-any.whl"
"""
PACKAGED = {
    "libs/common_utils/pyproject.toml": '[project]\nname = "common_utils"\nversion = "0.1"\n'
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "libs/common_utils/backend.py": BACKEND,
    "libs/common_utils/src/common_utils.py": "WORD = 'packaged'\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose index has widget 1.0, 2.3.3, 3.0 and gadget 1.0, which needs widget 3."""
    wheels = tmp_path / "wheels"
    for version in ("1.0", "2.3.3", "3.0.0"):
        write_wheel(wheels, "widget", version)
    write_wheel(wheels, "gadget", "1.0", ["widget>=3"])
    use_wheels(wheels, monkeypatch)
    monkeypatch.delenv("DECANT_HOME", raising=False)
    return tmp_path / "ws"


def see(root: Path, requirements: str, *, needs_lib: bool = False, **files: str) -> Sight:
    projects = (ORDERS, lib("common_utils", "common-utils" if "libs/common_utils/pyproject.toml" in files else ""))
    found = Sight(
        root, {"services/orders/requirements.txt": requirements, **files}, projects,
        [(ORDERS.id, "lib:common_utils")] if needs_lib else [],
    )  # fmt: skip
    found.write()
    return found


def made(sight: Sight, said: list[str] | None = None, *, relax: bool = False, purpose: Purpose = "run") -> Environment:
    said = [] if said is None else said
    return environment_for(sight, ORDERS, purpose=purpose, relax=relax, say=said.append)  # type: ignore[arg-type]


def without_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (installers, indexes):
        monkeypatch.setattr(module, "find_uv", lambda: None)


def ask(environment: Environment, code: str) -> str:
    return subprocess.run(
        [environment.python, "-c", code], env=environment.over(os.environ), capture_output=True, text=True, check=True
    ).stdout.strip()


def test_an_environment_holds_what_is_asked_for_and_is_made_once(root: Path) -> None:
    sight, said = see(root, "widget==2.3.3\n"), list[str]()
    assert environment_key(sight, ORDERS) == environment_key(sight, ORDERS)  # type: ignore[arg-type]
    assert not (root / ".decant").exists()
    first, again = made(sight, said), made(sight, said)
    assert first == again
    assert first.path.name == environment_key(sight, ORDERS)  # type: ignore[arg-type]
    assert ask(first, "import sys, widget; print(widget.__version__, sys.prefix)") == f"2.3.3 {first.path}"
    assert len(said) == 2
    assert said[0] == "orders: making its environment with 1 requirement"
    assert (root / ".decant" / ".gitignore").read_text() == "*\n"


def test_a_lib_without_a_manifest_is_found_by_both_of_its_names(root: Path) -> None:
    sight = see(root, "../libs/common_utils\n", needs_lib=True, **{"libs/common_utils/__init__.py": "WORD = 'plain'\n"})
    environment = made(sight)
    assert (
        ask(environment, "import common_utils; from libs.common_utils import WORD; print(common_utils.WORD, WORD)")
        == "plain plain"
    )
    assert not list(environment.path.glob("lib/python*/site-packages/*common*"))


def test_a_lib_with_a_manifest_is_installed_editable(root: Path) -> None:
    environment = made(see(root, "../../libs/common_utils\n", needs_lib=True, **PACKAGED))
    (root / "libs/common_utils/src/common_utils.py").write_text("WORD = 'changed'\n")
    assert ask(environment, "import common_utils; print(common_utils.WORD)") == "changed"


def test_a_pin_that_does_not_exist_is_one_sentence_with_the_nearest_version(root: Path) -> None:
    sight = see(root, "# web\nwidget==2.3.7\ngadget\n")
    with pytest.raises(CommandError) as caught:
        made(sight)
    assert caught.value.exit_code == 3
    assert caught.value.detail == (
        "services/orders/requirements.txt:2: widget==2.3.7 does not exist; the nearest version is 2.3.3."
    )
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("Write widget==2.3.3 there, or take the nearest with --relax. ")
    log = Path(caught.value.hint.rpartition(": ")[2])
    assert "widget==2.3.7" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert not log.with_suffix("").exists()


def test_relax_takes_the_nearest_and_touches_no_file(root: Path) -> None:
    sight = see(root, "widget==2.3.7\n")
    for _ in range(2):  # made, and found
        environment = made(sight, relax=True)
        assert environment.notes == (
            "services/orders/requirements.txt:1: widget==2.3.7 does not exist; widget==2.3.3 is taken in its place (--relax).",
        )
    assert ask(environment, "import widget; print(widget.__version__)") == "2.3.3"
    assert (root / "services/orders/requirements.txt").read_text() == "widget==2.3.7\n"
    with pytest.raises(CommandError, match="does not exist"):
        made(sight)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("==0.5", "1.0"), ("==9.9", "3.0.0"), ("==3.0.1", "3.0.0"), (">=4", "3.0.0"), ("==2.9.*", "2.3.3")],
)
def test_the_nearest_version_shares_the_most_numbers(root: Path, asked: str, nearest: str) -> None:
    with pytest.raises(CommandError, match=f"the nearest version is {nearest}\\.\n"):
        made(see(root, f"widget{asked}\n"))


def test_a_name_that_nobody_knows_is_said_so(root: Path) -> None:
    with pytest.raises(CommandError, match=r"requirements.txt:1: no package index knows wigdet\.\n") as caught:
        made(see(root, "wigdet\n"))
    assert caught.value.exit_code == 3


def test_requirements_that_contradict_each_other_are_one_sentence(root: Path) -> None:
    with pytest.raises(CommandError, match=r"^The environment of orders cannot be made: Because .*widget") as caught:
        made(see(root, "widget==1.0\ngadget==1.0\n"), relax=True)
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.detail


def test_without_an_index_that_answers_the_exit_code_is_6(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(CommandError, match="no package index answers") as caught:
        made(see(root, "widget\n"))
    assert caught.value.exit_code == 6


def test_what_was_left_half_made_is_made_again(root: Path) -> None:
    sight = see(root, "widget\n")
    environment = made(sight)
    (environment.path / "decant.json").unlink()
    (environment.path / "left").touch()
    assert made(sight) == environment
    assert not (environment.path / "left").exists()


def test_two_at_once_make_it_once(root: Path) -> None:
    sight, said, found = see(root, "widget\n"), list[str](), list[Environment]()
    threads = [threading.Thread(target=lambda: found.append(made(sight, said))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len({each.path for each in found}) == 1
    assert sum("is made after" in sentence for sentence in said) == 1


def sha(root: Path, name: str, version: str) -> str:
    wheel = root.parent / "wheels" / f"{name}-{version}-py3-none-any.whl"
    return f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("has_uv", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_hashes_are_required_of_what_is_listed_and_not_of_the_libs_beside(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, has_uv: bool
) -> None:
    if not has_uv:
        without_uv(monkeypatch)
    good, bad = sha(root, "widget", "2.3.3"), f"--hash=sha256:{'0' * 64}"
    text = "--require-hashes\nwidget==2.3.3 {}\n../../libs/common_utils\n"
    environment = made(see(root, text.format(good), needs_lib=True, **PACKAGED))
    assert ask(environment, "import common_utils, widget; print(widget.__version__)") == "2.3.3"
    with pytest.raises(CommandError) as caught:
        made(see(root, text.format(bad), needs_lib=True, **PACKAGED))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("has_uv", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_folder_of_archives_that_a_file_names_is_looked_in(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, has_uv: bool
) -> None:
    if not has_uv:
        without_uv(monkeypatch)
    own = root / "services/orders/own wheels"
    write_wheel(own, "mine", "1.5")
    wheel = own / "mine-1.5-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    environment = made(see(root, f"-f 'own wheels'\nmine==1.5 --hash=sha256:{digest}\n"))
    assert ask(environment, "import mine; print(mine.__version__)") == "1.5"
    with pytest.raises(CommandError) as caught:  # and it counts for what there is
        made(see(root, "-f 'own wheels'\nmine==1.5\nwidget==2.3.7\n"))
    assert caught.value.detail == (
        "services/orders/requirements.txt:3: widget==2.3.7 does not exist; the nearest version is 2.3.3."
    )


@pytest.mark.parametrize("has_uv", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_path_with_spaces_and_other_letters_makes_no_difference(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, has_uv: bool
) -> None:
    if not has_uv:
        without_uv(monkeypatch)
    other = root.with_name("my ws é")
    write_wheel(other / "services/orders", "mine", "1.5")
    files = {"services/orders/mine-1.5-py3-none-any.whl": ""}
    text = "../../libs/common_utils\n./mine-1.5-py3-none-any.whl\n"
    sight = see(other, text, needs_lib=True, **PACKAGED)
    sight = Sight(other, {**sight.files, **files}, sight.projects, [(ORDERS.id, "lib:common_utils")])
    environment = made(sight)
    assert ask(environment, "import common_utils, mine; print(common_utils.WORD, mine.__version__)") == "packaged 1.5"


def test_an_index_that_a_file_names_comes_before_that_of_pips_settings(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/of-pip")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(CommandError) as caught:
        made(see(root, "--index-url http://127.0.0.1:9/of-file\nwidget==1.0\n"))
    assert caught.value.hint is not None
    log = Path(caught.value.hint.rpartition(": ")[2]).read_text()
    assert "of-file" in log
    assert "of-pip" not in log


def test_who_is_killed_leaves_nobody_who_writes_into_an_environment_that_is_made_again(root: Path) -> None:
    """The installer may live longer than who started it: until it has ended, the environment is taken."""
    shelf = Shelf(root / ".decant", root, lambda _: None)
    shelf.path.mkdir(parents=True)
    with shelf._locked("key", time.monotonic() + 5) as lock:
        left = subprocess.Popen(["sleep", "0.6"], pass_fds=lock)
    began = time.monotonic()
    with shelf._locked("key", time.monotonic() + 5):
        assert time.monotonic() - began > 0.3
    assert left.wait() == 0


def test_who_gives_up_waits_for_no_installer(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr(installers, "find_uv", lambda: str(slow))
    began, over = time.monotonic(), threading.Event()
    threading.Timer(0.3, over.set).start()
    with pytest.raises(CommandError, match="not wanted any more"):
        environment_for(see(root, "widget\n"), ORDERS, say=lambda _: None, is_over=over.is_set)  # type: ignore[arg-type]
    assert time.monotonic() - began < 10
    assert not list((root / ".decant/workspace/environments").glob("*/"))


def test_a_disk_that_cannot_be_written_to_is_one_sentence(root: Path) -> None:
    sight = see(root, "widget\n")
    (root / ".decant/workspace").mkdir(parents=True)
    (root / ".decant/workspace/environments").write_text("a file")
    with pytest.raises(CommandError, match=r"^The environment of orders cannot be made: File exists") as caught:
        made(sight)
    assert caught.value.exit_code == 6


def test_environments_that_nobody_used_for_long_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.setattr(make, "KEPT", 1)
    old, recent = made(see(root, "widget==1.0\n")), made(see(root, "widget==2.3.3\n"))
    for environment, age_s in ((old, KEPT_S + 60), (recent, 60)):
        stamp = environment.path / "decant.json"
        used = stamp.stat().st_mtime - age_s
        os.utime(stamp, (used, used))
    newest = made(see(root, "widget==3.0.0\n"))
    assert [each.path.exists() for each in (old, recent, newest)] == [False, True, True]
    assert Shelf(root / ".decant", root, print).find(old.path.name) is None


@pytest.mark.slow
def test_a_lock_file_of_uv_decides_the_versions(root: Path) -> None:
    from decant_tools.workspace.environments.indexes import find_uv

    sight = see(root, "", **{
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["services/*"]\n',
        "services/orders/pyproject.toml": '[project]\nname = "orders"\nversion = "0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["widget<3"]\n',
    })  # fmt: skip
    uv = find_uv()
    assert uv is not None
    subprocess.run([uv, "lock", "--quiet"], cwd=root, check=True)
    write_wheel(root.parent / "wheels", "widget", "2.9.0")
    locked = Sight(root, {**sight.files, "uv.lock": (root / "uv.lock").read_text()}, sight.projects)
    assert ask(made(locked), "import widget; print(widget.__version__)") == "2.3.3"
    assert ask(made(sight), "import widget; print(widget.__version__)") == "2.9.0"


@pytest.mark.slow
def test_pip_does_it_where_there_is_no_uv(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_uv(monkeypatch)
    with pytest.raises(CommandError, match=r"widget==2.3.7 does not exist; the nearest version is 2.3.3\.\n"):
        made(see(root, "widget==2.3.7\n"))
    environment = made(see(root, "widget==2.3.7\n"), relax=True)
    assert ask(environment, "import widget; print(widget.__version__)") == "2.3.3"


@pytest.mark.parametrize("has_uv", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_lib_without_a_manifest_that_an_installed_lib_names_is_imported_from_its_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch, has_uv: bool
) -> None:
    if not has_uv:
        without_uv(monkeypatch)
    manifest = PACKAGED["libs/common_utils/pyproject.toml"].replace("[build", 'dependencies = ["al.pha>=2"]\n[build')
    backend = BACKEND.replace("0.1\\n", "0.1\\nRequires-Dist: al.pha>=2\\n")
    assert backend != BACKEND
    files = {
        **PACKAGED, "libs/common_utils/pyproject.toml": manifest, "libs/common_utils/backend.py": backend,
        "services/orders/requirements.txt": "common-utils\n", "libs/al_pha/__init__.py": "X = 1\n",
    }  # fmt: skip
    projects = (ORDERS, lib("common_utils", "common-utils"), lib("al_pha"))
    sight = Sight(root, files, projects, [(ORDERS.id, "lib:common_utils"), ("lib:common_utils", "lib:al_pha")])
    sight.write()
    assert ask(made(sight), "import al_pha, common_utils; print(al_pha.X, common_utils.WORD)") == "1 packaged"
