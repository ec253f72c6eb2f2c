"""A repository of ten packages, asked by the real command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.unit.workspace.repository import Repository

SERVICES = [f"svc{number}" for number in range(6)]
LIBS = ["base", "common", "db", "leaf"]
EVERYTHING = {*SERVICES, *LIBS}

DECANT = Path(sys.executable).with_name("decant")
CI = ("CI", "GITHUB_", "GITLAB_", "CHANGE_", "BITBUCKET_", "SYSTEM_", "BUILDKITE_", "TRAVIS_", "DECANT_")


class Answer:
    """What the command printed, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def names(self) -> set[str]:
        return {item["name"] for item in self.document["affected"]}

    def why(self, name: str) -> list[tuple[str, str, str | None]]:
        item = next(item for item in self.document["affected"] if item["name"] == name)
        return [(step["node"], step["by"], step["at"]) for step in item["why"]]


class Monorepo(Repository):
    """Ten packages: ``leaf`` is used by svc0 alone, ``common`` by svc1 and svc2, ``db`` by svc3, ``base`` by common and db.

    Svc4 and svc5 use nothing. Everybody is declared, in ``requirements.txt`` or ``pyproject.toml``.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.write({"README.md": "x", ".gitignore": "*.log\n", "pyproject.toml": "[tool.ruff]\n", "Makefile": "all:\n"})
        uses = {"svc0": "leaf", "svc1": "common", "svc2": "common", "svc3": "db"}
        for name in SERVICES:
            lib = uses.get(name)
            self.write(
                {
                    f"services/{name}/app.py": f"import {lib}\n" if lib else "x = 1\n",
                    f"services/{name}/requirements.txt": f"flask\n../../libs/{lib}\n" if lib else "flask\n",
                }
            )
        for name in LIBS:
            needs = '"base"' if name in {"common", "db"} else ""
            self.write(
                {
                    f"libs/{name}/pyproject.toml": f'[project]\nname = "{name}"\nversion = "1"\ndependencies = [{needs}]\n',
                    f"libs/{name}/{name}/__init__.py": "import base\n" if needs else "",
                    f"libs/{name}/{name}/helpers.py": "x = 1\n",
                    f"libs/{name}/README.md": "x\n",
                }
            )
        self.commit()
        self.git("switch", "-q", "-c", "feature")

    def ask(self, *args: str, given: bytes | None = None, **env: str) -> Answer:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(CI)}
        done = subprocess.run(
            [DECANT, "affected", *args],
            check=False, cwd=self.root, env=kept | {"GIT_CONFIG_GLOBAL": os.devnull} | env, capture_output=True, input=given,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def affected(self, *args: str) -> set[str]:
        """Return the names of what is affected; cached and not, the answer is the same."""
        answer = self.ask("--json", *args)
        assert answer.code == 0, answer.err
        fresh = self.ask("--json", *args, DECANT_HOME=str(self.root.parent / "fresh"))
        shutil.rmtree(self.root.parent / "fresh", ignore_errors=True)
        assert fresh.document == answer.document
        return answer.names
