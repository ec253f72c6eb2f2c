"""The monorepo that tutorials build: three Flask services, two libs without manifests, shared settings at the root."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.unit.workspace.repository import Repository

DECANT = Path(sys.executable).with_name("decant")
_DROPPED = ("CI", "GITHUB_", "GITLAB_", "DECANT_", "OTEL_", "FLASK_", "GIT_")


class Answer(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        assert found["schema"] == 1
        return found


class Plain(Repository):
    """Users, products and orders; ``common_utils`` is used by users and orders, ``db_connector`` by products."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        for name, value in (("user.name", "a"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")):
            self.git("config", name, value)
        uses = {"user": "common_utils", "product": "db_connector", "order": "common_utils"}
        files = {
            "pyproject.toml": "[tool.black]\nline-length = 100\n",
            "Makefile": "all:\n",
            "libs/common_utils/__init__.py": "",
            "libs/common_utils/helpers.py": 'def named(kind, number):\n    return {"id": number, "name": f"{kind} {number}"}\n',
            "libs/db_connector/__init__.py": "",
            "libs/db_connector/connection.py": "def connect():\n    return None\n",
        }
        for number, (name, lib) in enumerate(uses.items(), start=1):
            folder = f"services/{name}_service"
            files |= {
                f"{folder}/app.py": APP.format(name=name, kind=name.title(), lib=IMPORTS[lib], port=5000 + number),
                f"{folder}/requirements.txt": f"Flask\n../../libs/{lib}\n",
                f"{folder}/tests/test_app.py": "def test_it():\n    pass\n",
                f"{folder}/Dockerfile": DOCKERFILE.format(folder=folder, lib=lib, port=5000 + number),
            }
        self.write(files)
        self.save("Begin")

    def save(self, message: str) -> str:
        """Commit everything, and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def change(self, message: str, *paths: str) -> str:
        """Add a line to some files, and commit."""
        for path in paths:
            with (self.root / path).open("a") as file:
                file.write(f"# {message}\n")
        return self.save(message)

    def decant(self, *arguments: str, **env: str) -> Answer:
        return decant(self.root, *arguments, **env)


APP = """\
from flask import Flask, jsonify
{lib}

app = Flask(__name__)


@app.get("/{name}s/<int:number>")
def show(number):
    return jsonify(named("{kind}", number))


if __name__ == "__main__":
    app.run(host="0.0.0.0", port={port})
"""
IMPORTS = {
    "common_utils": "from common_utils.helpers import named",
    "db_connector": (
        "from db_connector.connection import connect\n\n\n"
        'def named(kind, number):\n    connect()\n    return {"id": number, "name": f"{kind} {number}"}'
    ),
}
DOCKERFILE = """\
FROM python:3.12-slim
COPY libs/{lib} /app/libs/{lib}
COPY {folder} /app
CMD ["python", "/app/app.py"]
"""


def decant(root: Path, *arguments: str, **env: str) -> Answer:
    """Run the real command in a folder, without a terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    kept |= {"NO_COLOR": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | env
    done = subprocess.run(
        [DECANT, *arguments],
        check=False, cwd=root, env=kept, timeout=60, text=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)
