from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant_tools.workspace.facts import Facts, extract, kind_of
from tests.unit.workspace.facts.test_manifests import PYPROJECT


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.py", "python"),
        ("b.pyi", "python"),
        ("setup.py", "setup"),
        ("a/requirements.txt", "requirements"),
        ("dev-requirements.in", "requirements"),
        ("requirements/base.txt", "requirements"),
        ("constraints.txt", "requirements"),
        ("requirements.lock", "requirements"),
        ("notes.txt", None),
        ("pyproject.toml", "pyproject"),
        ("a/uv.lock", "lock"),
        ("pylock.dev.toml", "lock"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"),
        ("api.Dockerfile", "dockerfile"),
        ("Containerfile", "dockerfile"),
        ("Dockerfile_notes.md", None),
        ("package.json", "node"),
        ("node_modules/x/package.json", None),
        ("a/.venv/lib/x.py", None),
        ("README.md", None),
        ("", None),
    ],
)
def test_the_name_decides_how_a_file_is_read(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "import a\nfrom decant import Event\nclass X(Event): ...\n__import__(y)\n"),
        ("broken.py", "import a\nx = '\n"),
        ("pyproject.toml", PYPROJECT),
        ("requirements.txt", "-r x.txt\nflask==1 --hash=sha256:a\n../x\n!!\n"),
        ("Dockerfile", "COPY a b\n"),
        ("README.md", "# x"),
    ],
)
def test_facts_go_through_json_unchanged(path: str, text: str) -> None:
    facts = extract(path, text.encode())
    assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_a_lock_adds_nothing_to_what_manifests_ask_for() -> None:
    assert extract("uv.lock", b"version = 1\n") == Facts()


def test_a_file_that_says_nothing_takes_no_room() -> None:
    assert extract("a.py", b"x = 1\n").to_json() == {}


@given(st.sampled_from(["a.py", "setup.py", "setup.cfg", "requirements.txt", "pyproject.toml", "Pipfile", "uv.lock", "poetry.lock", "Dockerfile", "package.json"]), st.binary(max_size=200))  # fmt: skip
def test_no_content_of_any_file_is_an_exception(path: str, content: bytes) -> None:
    assert isinstance(extract(path, content), Facts)


def test_reading_python_needs_little_of_the_standard_library() -> None:
    code = (
        "import sys; from decant_tools.workspace.facts import extract; extract('a.py', b'import a');"
        "extract('requirements.txt', b'a'); extract('Dockerfile', b'COPY a b');"
        "heavy = {'tomllib', 'asyncio', 'inspect', 'flask', 'packaging', 'decant', 'configparser'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.strip() == "[]"
