"""``decant prune``: what is copied is enough to run, and no more than that."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from decant_tools.workspace.environments.indexes import find_uv
from tests.integration.workspace.plain import Plain, decant

STORE = Path(__file__).parents[3] / "examples" / "store"


def files(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}


@pytest.fixture
def repo(tmp_path: Path) -> Plain:
    return Plain(tmp_path / "repo")


def run(folder: Path, code: str) -> str:
    """Run Python in a folder, with nothing of the workspace on its path."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=folder, text=True, capture_output=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", "DECANT_HOME": str(folder / ".decant"), "DECANT_TOPOLOGY": "services"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plain_service_runs_from_what_was_pruned_alone(repo: Plain, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = repo.decant("prune", "user_service", "-o", str(out))
    assert answer.code == 0, answer.err
    assert files(out) == {
        "libs/common_utils/__init__.py",
        "libs/common_utils/helpers.py",
        "services/user_service/Dockerfile",
        "services/user_service/app.py",
        "services/user_service/requirements.txt",
    }
    assert f"docker build -f {out}/services/user_service/Dockerfile {out}" in answer.err
    shutil.rmtree(repo.root)
    code = """
import sys
sys.path[:0] = ["services/user_service", "libs"]
from app import app
print(app.test_client().get("/users/7").get_data(as_text=True), end="")
"""
    assert '"name":"User 7"' in run(out, code).replace(" ", "").replace("User7", "User 7")


def test_the_list_and_the_document_name_the_files(repo: Plain) -> None:
    listed = repo.decant("prune", "order_service", "--list")
    document = repo.decant("prune", "order_service", "--list", "--json").document
    assert listed.out.splitlines() == document["files"]
    assert "services/order_service/app.py" in document["files"]
    assert document["output"] is None
    with_tests = repo.decant("prune", "order_service", "--list", "--with-tests").out.splitlines()
    assert {*with_tests} - {*document["files"]} == {"services/order_service/tests/test_app.py"}


def test_without_a_folder_it_goes_where_git_does_not_look(repo: Plain) -> None:
    for _ in range(2):
        assert repo.decant("prune", "user_service").code == 0
    assert "services/user_service/app.py" in files(repo.root / ".decant/pruned/user_service")
    assert repo.git("status", "--porcelain") == ""


def test_a_folder_in_the_repository_is_ignored_from_then_on(repo: Plain) -> None:
    before = repo.decant("graph", "--format", "json").out
    for name in ("out", "a [b] c/out"):
        first = repo.decant("prune", "user_service", "-o", name)
        again = repo.decant("prune", "user_service", "-o", name, "--force")
        assert ["git ignores" in answer.err for answer in (first, again)] == [True, False]
    assert repo.git("status", "--porcelain") == ""
    assert repo.decant("graph", "--format", "json").out == before


def test_a_folder_in_use_is_refused(repo: Plain, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    for more in ([], ["--force"]):
        answer = repo.decant("prune", "user_service", "-o", str(tmp_path / "out"), *more)
        assert answer.code == 2
    assert files(tmp_path / "out") == {"mine"}


def test_what_links_lead_to_comes_along(repo: Plain, tmp_path: Path) -> None:
    service = repo.root / "services/user_service"
    (service / "db").symlink_to("../../libs/db_connector")
    (service / "away").symlink_to("/etc/hostname")
    repo.save("links")
    answer = repo.decant("prune", "user_service", "-o", str(tmp_path / "out"))
    out = tmp_path / "out/services/user_service"
    assert (out / "db").readlink() == Path("../../libs/db_connector")
    assert (out / "db/connection.py").is_file()
    assert "services/user_service/away is a link that leads out of the workspace" in answer.err


def test_an_unknown_project_is_told(repo: Plain) -> None:
    answer = repo.decant("prune", "user_servise")
    assert (answer.code, "user_service" in answer.err) == (4, True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store") / "store"
    shutil.copytree(STORE, root, ignore=shutil.ignore_patterns(".decant", "__pycache__", "*.sqlite3*"))
    return root


def internals(out: Path, module: str) -> set[str]:
    """Return what is there of a module besides its door and its contract."""
    return {path for path in files(out) if path.startswith(f"store/{module}/")} - {
        f"store/{module}/__init__.py",
        f"store/{module}/api.py",
    }


@pytest.mark.slow
@pytest.mark.parametrize(("service", "path"), [("catalog", "/products"), ("users", "/openapi.json")])
def test_a_service_of_modules_runs_from_what_was_pruned_alone(
    store: Path, tmp_path: Path, service: str, path: str
) -> None:
    out = tmp_path / "out"
    answer = decant(store, "prune", service, "--topology", "services", "-o", str(out))
    assert answer.code == 0, answer.err
    for other in ("orders", "payments", "auth", "web"):
        assert not internals(out, other)
    assert not [name for name in files(out) if "/tests/" in name or name.startswith(("tests/", "provider/"))]
    code = f"""
import os, sys
from decant import create_app
from decant.cli.main import main
sys.argv = ["decant", "db", "upgrade", "--service", {service!r}]
try:
    main()
except SystemExit as ended:
    print("exit code", ended.code)
app = create_app({service!r}, topology="services")
answer = app.test_client().get({path!r})
print("status", answer.status_code)
import store.{service}
print("code", os.path.dirname(store.__file__))
"""
    assert {"exit code 0", "status 200", f"code {out / 'store'}"} <= {*run(out, code).splitlines()}


MEMBER = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [{needs}]

[tool.uv]
package = false

[tool.uv.sources]
common = {{ workspace = true }}
"""


@pytest.mark.slow
@pytest.mark.skipif(find_uv() is None, reason="needs uv")
def test_uv_accepts_what_is_left_of_its_lock_file(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    uv = str(find_uv())
    for path, content in {
        "pyproject.toml": (
            '[project]\nname = "root"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["orders", "users"]\n\n'
            '[tool.uv]\npackage = false\n\n[tool.uv.workspace]\nmembers = ["services/users", "services/orders", "libs/*"]\n\n'
            "[tool.uv.sources]\norders = { workspace = true }\nusers = { workspace = true }\n"
        ),
        "services/orders/pyproject.toml": MEMBER.format(name="orders", needs='"common"'),
        "services/orders/app.py": "import common\n",
        "services/users/pyproject.toml": MEMBER.format(name="users", needs=""),
        "services/users/app.py": "",
        "libs/common/pyproject.toml": MEMBER.format(name="common", needs=""),
        "libs/common/common.py": "",
        "libs/other/pyproject.toml": MEMBER.format(name="other", needs=""),
        "libs/other/other.py": "",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    python = ["--offline", "--python", sys.executable]
    subprocess.run([uv, "lock", *python], cwd=root, check=True, capture_output=True)
    answer = decant(root, "prune", "orders", "-o", str(tmp_path / "out"))
    assert answer.code == 0, answer.err
    out = tmp_path / "out"
    assert not answer.err.count("note:")
    assert not [name for name in files(out) if "users" in name or "other" in name]
    for command in (["lock", "--check"], ["sync", "--frozen", "--package", "orders"]):
        done = subprocess.run([uv, *command, *python], check=False, cwd=out, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
