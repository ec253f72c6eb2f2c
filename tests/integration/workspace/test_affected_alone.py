"""``decant affected`` where the whole workspace is one service, what it imports, and its document's schema."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import CI, Monorepo

HEAVY = ("flask", "pydantic", "asyncio", "decant.topology", "werkzeug", "sqlalchemy", "http", "email", "tomllib")


@pytest.fixture
def alone(tmp_path: Path) -> Monorepo:
    made = Monorepo(tmp_path / "alone")
    made.git("rm", "-rq", "services", "libs")
    made.write({"app.py": "x = 1\n", "requirements.txt": "flask==3.1.0\n", "shop/views.py": "x = 1\n"})
    made.commit()
    return made


@pytest.mark.parametrize(
    ("path", "is_affected"),
    [
        ("app.py", True),
        ("shop/views.py", True),
        ("data/table.csv", True),
        ("requirements.txt", True),
        ("pyproject.toml", True),
        ("README.md", False),
        ("docs/index.md", False),
        (".gitignore", False),
    ],
)
def test_every_file_is_its_own_except_those_that_nothing_reads(alone: Monorepo, path: str, is_affected: bool) -> None:
    alone.write({path: "[tool.ruff]\nline-length = 99\n" if path.endswith("toml") else "y = 1\n"})
    document = alone.ask("--json", "--base", "HEAD").document
    assert [item["kind"] for item in document["affected"]] == ["service"] * is_affected
    assert document["fallback"] is None


def test_nothing_heavy_is_imported_once_the_graph_is_cached(tmp_path: Path) -> None:
    repo = Monorepo(tmp_path / "repo")
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    assert repo.ask("--json").code == 0
    program = (
        "import sys\nfrom decant.cli.main import run\nassert run(['affected', '--json']) == 0\n"
        "print(sorted(sys.modules), file=sys.stderr)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CI)}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=repo.root, env=kept, capture_output=True, text=True
    )
    imported = set(re.findall(r"'([\w.]+)'", done.stderr))
    assert "decant_tools.workspace.affected" in imported
    assert not imported & set(HEAVY)


def test_the_document_is_as_its_page_says(tmp_path: Path) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    page = Path("docs/how-to/affected.md").read_text("utf-8")
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    example, schema = blocks
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(example)
    repo = Monorepo(tmp_path / "repo")
    repo.write({"libs/base/base/helpers.py": "x = 2\n", "odd": "x"})
    validator.validate(repo.ask("--json").document)
    validator.validate(repo.ask("--json", "--base", "0" * 40).document)
