"""Pages that repeat the code are up to date."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from decant.settings.parts import CHOSEN_BEFORE
from decant.topology import calls
from decant.topology.load import TABLES, WORKSPACE_KEYS
from decant.topology.services import KEYS
from scripts import docs_reference


@pytest.mark.parametrize(("name", "write"), docs_reference.PAGES.items(), ids=list(docs_reference.PAGES))
def test_a_generated_page_says_what_the_code_says(name: str, write: Callable[[], str]) -> None:
    assert (docs_reference.DOCS / name).read_text() == write(), "stale: run `make docs-reference`"


def test_every_name_that_chooses_what_is_read_is_described() -> None:
    assert set(docs_reference.CHOSEN_BEFORE) == set(CHOSEN_BEFORE)


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("[workspace]", WORKSPACE_KEYS),
        ("[services.NAME]", KEYS),
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
