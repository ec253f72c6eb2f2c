"""Pages that repeat the code are up to date."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from decant.settings.parts import CHOSEN_BEFORE
from decant.topology import calls, projects
from decant.topology.hosting import TABLES, WORKSPACE_KEYS
from decant.topology.services import KEYS
from scripts import docs_reference

ROOT = docs_reference.DOCS.parent


WRITE = "import json; from scripts.docs_reference import PAGES; print(json.dumps({n: w() for n, w in PAGES.items()}))"


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """Return the pages as a fresh interpreter writes them: click remembers the options of commands that were called."""
    done = subprocess.run([sys.executable, "-c", WRITE], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", list(docs_reference.PAGES))
def test_a_generated_page_says_what_the_code_says(name: str, written: dict[str, str]) -> None:
    assert (docs_reference.DOCS / name).read_text() == written[name], "stale: run `make docs-reference`"


def test_every_name_that_chooses_what_is_read_is_described() -> None:
    assert set(docs_reference.CHOSEN_BEFORE) == set(CHOSEN_BEFORE)


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("[workspace]", WORKSPACE_KEYS),
        ("[services.NAME]", KEYS),
        ("[libs.NAME]", projects.LIB_KEYS),
        ("[modules.NAME]", projects.MODULE_KEYS),
        ("[tasks.NAME]", projects.TASK_KEYS),
        ("[affected]", projects.AFFECTED_KEYS),
        ("[cache]", projects.CACHE_KEYS),
        ("[gateway]", ("port", "routes")),
        ("[[gateway.routes]]", ("path", "to")),
        ("[calls.MODULE]", calls.KEYS),
        ("[calls.MODULE.from.CALLER]", calls.EDGE_KEYS),
    ],
)
def test_the_page_of_decant_toml_names_every_key_of_a_table(heading: str, keys: tuple[str, ...]) -> None:
    page = (docs_reference.DOCS / "reference" / "decant-toml.md").read_text()
    section = page.partition(f"## `{heading}`\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(keys)


def test_the_page_of_decant_toml_has_every_table() -> None:
    page = (docs_reference.DOCS / "reference" / "decant-toml.md").read_text()
    found = re.findall(r"^## `\[+(\w+)", page, re.MULTILINE)
    assert list(dict.fromkeys(found)) == list(TABLES)
