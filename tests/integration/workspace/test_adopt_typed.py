"""A monorepo as somebody else would type it: started, tested, built, versioned and handed to CI by the real command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.running import free_port
from tests.unit.workspace.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FILES = {
    "libs/common_utils/__init__.py": "",
    "libs/common_utils/helpers.py": '''\
from datetime import datetime, timezone


def label(what, number):
    """Users are called 'User 7', products 'Product 7'."""
    return '%s %d' % (what, number)


def now():
    return datetime.now(timezone.utc).isoformat()
''',
    "libs/db_connector/__init__.py": "from .connection import connect\n",
    "libs/db_connector/connection.py": '''\
import sqlite3


def connect(url="sqlite://"):
    con = sqlite3.connect(":memory:", check_same_thread=False)
    con.execute("create table if not exists items (id integer, name text)")
    return con
''',
    "services/user_service/app.py": '''\
import os

from flask import Flask, jsonify
from common_utils import helpers

app = Flask(__name__)

@app.route("/users/<int:id>")
def user(id):
    return jsonify(id=id, name=helpers.label(os.environ.get("USER_WORD", "User"), id))

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5001)
''',
    "services/user_service/requirements.txt": "Flask\n../libs/common_utils\n",
    "services/user_service/Dockerfile": '''\
FROM python:3.11-slim
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt
EXPOSE 5001
CMD ["python", "app.py"]
''',
    "services/user_service/Makefile": '''\
test:
\tpython -m pytest -q tests
\t@echo tested by make

lint:
\tpython -m compileall -q app.py
''',
    "services/user_service/tests/__init__.py": "",
    "services/user_service/tests/test_user.py": '''\
import app

def test_user():
    res = app.app.test_client().get("/users/7")
    assert res.json == {"id": 7, "name": "User 7"}
''',
    "services/product_service/app.py": '''\
from flask import Flask
from common_utils.helpers import label

def create_app():
    app = Flask(__name__)

    @app.get("/products/<int:id>")
    def product(id):
        from db_connector import connect
        connect().execute("insert into items values (?, ?)", (id, label("Product", id)))
        return {"id": id, "name": label("Product", id)}

    return app

app = create_app()

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5002, debug=False)
''',
    "services/product_service/requirements.txt": (
        "Flask==2.3.7\n./../libs/common_utils\n-e ../../libs/db_connector\n"
    ),
    "services/product_service/Dockerfile": "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python app.py\n",
    "services/product_service/test_product.py": '''\
from app import app

def test_product():
    assert app.test_client().get("/products/7").get_json() == {"id": 7, "name": "Product 7"}
''',
    "services/order_service/app.py": '''\
from flask import Flask, jsonify
import db_connector

PORT = 5003
app = Flask(__name__)
con = db_connector.connect()

@app.route("/orders/<int:id>")
def order(id):
    return jsonify({"id": id, "items": con.execute("select count(*) from items").fetchone()[0]})

if __name__ == "__main__":
    app.run(host="0.0.0.0", port=PORT)
''',
    "services/order_service/requirements.txt": "flask>=2\n../libs/db_connector\n",
    "services/order_service/Dockerfile": "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\nEXPOSE 5003\nCMD python app.py\n",
    "pyproject.toml": '''\
[tool.black]
line-length = 88

[tool.isort]
profile = "black"

[tool.pytest.ini_options]
testpaths = ["services"]
pythonpath = ["libs"]
''',
    "Makefile": "all: test\n\ntest:\n\tfor s in services/*; do $(MAKE) -C $$s test; done\n",
    ".gitignore": "__pycache__\n*.pyc\n.venv\n",
    "README.md": "# Our platform\n",
}  # fmt: skip
DECANT = str(Path(sys.executable).with_name("decant"))
USERS_OF_HELPERS = ["product_service", "user_service", "common_utils"]


class Platform(Repository):
    """The repository, and the command in it."""

    def decant(self, *args: str, code: int = 0, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DECANT_", "GIT_", "PYTEST"))}
        done = subprocess.run(
            [DECANT, *args], cwd=self.root, env=kept | {"COLUMNS": "160"} | (env or {}), capture_output=True, text=True,
            check=False, timeout=240, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def document(self, *args: str) -> Any:
        found = json.loads(self.decant(*args).stdout)
        assert found["schema"] == 1
        return found

    def up(self, *args: str) -> dict[str, str]:
        """Start services detached; return where each answers."""
        document = self.document("up", "-d", "--json", "--timeout", "120", *args)
        assert {each["state"] for each in document["services"]} == {"ready"}
        return {each["name"]: each["urls"][0] for each in document["services"]}

    def affected(self, *args: str) -> list[str]:
        return [each["name"] for each in self.document("affected", "--base", "main", "--json", *args)["affected"]]


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    found = Platform(tmp_path_factory.mktemp("typed") / "platform")
    ports = {str(port): str(free_port()) for port in (5001, 5002, 5003)}  # others may listen on these
    found.write({path: re.sub("|".join(ports), lambda port: ports[port[0]], text) for path, text in FILES.items()})
    found.commit()
    yield found
    found.decant("down")


@pytest.fixture
def branch(platform: Platform) -> Iterator[Platform]:
    """Return the repository on a branch of its own; afterwards it is as it was."""
    platform.git("switch", "-q", "-c", "work")
    yield platform
    platform.git("checkout", "-q", "--force", "main")
    platform.git("clean", "-q", "-f", "-d")
    platform.git("branch", "-q", "-D", "work")


def test_it_is_understood_as_it_is(platform: Platform) -> None:
    found = platform.document("graph", "--json")
    edges = {(edge["source"], edge["target"]) for edge in found["edges"]}
    assert edges == {
        ("service:user_service", "lib:common_utils"),
        ("service:product_service", "lib:common_utils"),
        ("service:product_service", "lib:db_connector"),
        ("service:order_service", "lib:db_connector"),
    }
    assert found["cycles"] == []
    assert [each for each in found["findings"] if each["level"] == "error"] == []
    notes = platform.decant("graph", "--check").stderr
    assert "services/user_service/requirements.txt:2: note[relative-requirement]" in notes


def test_a_pin_that_does_not_exist_is_one_clear_error(platform: Platform) -> None:
    done = platform.decant("up", "product_service", "-d", code=3)
    assert done.stderr.count("Flask==2.3.7") == 1
    assert "services/product_service/requirements.txt:1" in done.stderr
    assert "2.3.3" in done.stderr
    assert "--relax" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_services_start_and_answer(platform: Platform) -> None:
    urls = platform.up("--relax")
    assert sorted(urls) == ["order_service", "product_service", "user_service"]
    assert get(f"{urls['user_service']}/users/7") == {"id": 7, "name": "User 7"}
    assert get(f"{urls['product_service']}/products/7") == {"id": 7, "name": "Product 7"}
    assert get(f"{urls['order_service']}/orders/7") == {"id": 7, "items": 0}
    assert platform.decant("down").stderr.startswith("Stopped:")


def test_one_service_starts_alone_with_what_is_configured(platform: Platform) -> None:
    platform.write({"decant.toml": '[services.user_service.env]\nUSER_WORD = "Member"\n'})
    try:
        urls = platform.up("user_service")
        assert list(urls) == ["user_service"]
        assert get(f"{urls['user_service']}/users/7") == {"id": 7, "name": "Member 7"}
        shown = platform.decant("config", "user_service").stdout
        assert "USER_WORD" in shown
        assert "decant.toml" in shown
    finally:
        platform.decant("down")
        (platform.root / "decant.toml").unlink()


def test_all_are_tested_by_their_own_make_targets_and_by_pytest(platform: Platform) -> None:
    done = platform.decant("test", "--relax")
    assert "tested by make" in done.stdout
    assert re.search(r"order_service +no tests", done.stdout + done.stderr)
    again = platform.decant("test", "--relax")
    assert "2 cached" in (again.stdout + again.stderr).splitlines()[-1]


def test_one_is_tested_alone(platform: Platform) -> None:
    done = platform.decant("test", "user_service", "--force")
    assert "tested by make" in done.stdout
    assert "product_service" not in done.stdout
    assert "lint" in platform.decant("lint", "user_service", "--dry-run").stdout


def test_a_change_in_a_lib_reaches_exactly_those_that_use_it(branch: Platform) -> None:
    branch.write({"libs/common_utils/helpers.py": FILES["libs/common_utils/helpers.py"] + "\nMORE = 1\n"})
    assert branch.affected() == USERS_OF_HELPERS
    assert branch.affected("--kind", "service") == ["product_service", "user_service"]
    matrix = json.loads(branch.decant("affected", "--base", "main", "--matrix", "--kind", "service").stdout)
    assert [each["path"] for each in matrix["include"]] == ["services/product_service", "services/user_service"]
    why = branch.decant("affected", "--base", "main", "--why", "user_service").stdout
    assert why.index("libs/common_utils/helpers.py") < why.index("lib common_utils") < why.index("app.py:4")
    tested = branch.decant("test", "--affected", "--base", "main", "--relax").stdout
    assert "tested by make" in tested
    assert "order_service" not in tested


def test_a_lib_that_breaks_fails_the_tests_of_those_that_use_it(branch: Platform) -> None:
    branch.write({"libs/common_utils/helpers.py": "def label(what, number):\n    return what\n"})
    done = branch.decant("test", "--affected", "--base", "main", "--relax", code=1)
    assert "2 failed" in done.stderr.splitlines()[-1]


def test_a_change_in_one_service_reaches_nothing_else(branch: Platform) -> None:
    branch.write({"services/order_service/Dockerfile": "FROM python:3.12\nCOPY . .\n"})
    assert branch.affected() == ["order_service"]
    branch.commit()
    assert branch.affected() == ["order_service"]


def test_a_lib_that_goes_reaches_those_that_still_name_it(branch: Platform) -> None:
    for name in ("__init__.py", "connection.py"):
        (branch.root / "libs/db_connector" / name).unlink()
    assert branch.affected("--kind", "service") == ["order_service", "product_service"]


def test_everything_is_built_and_what_was_built_affects_nothing(branch: Platform) -> None:
    done = branch.decant("build")
    built = done.stdout + done.stderr
    for name in ("user_service", "product_service", "order_service", "common_utils", "db_connector"):
        assert f"✓ {name}" in built
    assert branch.affected() == []
    alone = branch.decant("build", "user_service")
    assert "user_service" in alone.stdout
    assert "order_service" not in alone.stdout + alone.stderr


def test_what_ci_is_told_of_a_commit_without_a_reachable_base_is_everything_and_loud(
    platform: Platform, tmp_path: Path
) -> None:
    platform.git("clone", "-q", "--depth", "1", f"file://{platform.root}", str(tmp_path / "shallow"))
    shallow = Platform.__new__(Platform)
    shallow.root = tmp_path / "shallow"
    done = shallow.decant("affected", "--base", "HEAD~1", "--json")
    document = json.loads(done.stdout)
    assert document["fallback"]["code"]
    assert len(document["affected"]) == 5
    assert "Everything is selected" in done.stderr
    shallow.decant("affected", "--base", "HEAD~1", "--strict-base", code=6)


def test_each_has_a_version_of_its_own(branch: Platform) -> None:
    def versions() -> dict[str, str]:
        return {each["name"]: each["version"] for each in branch.document("versions", "--json")["versions"]}

    assert set(versions().values()) == {"0.1.0"}
    branch.git("tag", "user_service-v1.4.0")
    try:
        assert versions() == {name: "1.4.0" if name == "user_service" else "0.1.0" for name in versions()}
        branch.write({"services/user_service/app.py": FILES["services/user_service/app.py"] + "# more\n"})
        branch.git("commit", "-q", "-a", "-m", "feat: more of users")
        plan = branch.decant("release", "user_service", "--dry-run").stdout
        assert "1.5.0" in plan
    finally:
        branch.git("tag", "-d", "user_service-v1.4.0")
