"""Which module calls which, and that each edge has the policy that ``decant.toml`` gives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.three_modules import write_shop

OTHERS = {
    "web/handlers.py": """
        from decant.events import Event, on
        from shop.catalog.api import Catalog


        class Sold(Event, type="web.sold"):
            count: int


        @on(Sold)
        def note(event: Sold, catalog: Catalog) -> None: ...
    """,
    "web/views.py": "from flask import g, request, session  # proxies that nobody may look into here\n",
}


def topology(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Ask in a process of its own: several tests have a package called shop."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("decant")), "topology", name, *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )  # fmt: skip


def test_edges_are_local_together_and_remote_apart(tmp_path: Path) -> None:
    folder = write_shop(tmp_path, OTHERS)
    apart = json.loads(topology(folder, "services", "--json").stdout)["edges"]
    assert [(edge["caller"], edge["called"], edge["local"]) for edge in apart] == [
        ("cart", "catalog", False),
        ("web", "cart", False),
        ("web", "catalog", False),
    ]
    assert [edge["asked_in"] for edge in apart] == [["service"], ["views"], ["handlers"]]
    together = json.loads(topology(folder, "monolith", "--json").stdout)["edges"]
    assert [edge["local"] for edge in together] == [True, True, True]


def test_people_see_them_as_a_table(tmp_path: Path) -> None:
    shown = topology(write_shop(tmp_path), "services").stdout
    assert "cart    catalog  remote, cart to catalog" in shown


def test_a_module_that_cannot_be_imported_hides_the_edges_alone(tmp_path: Path) -> None:
    folder = write_shop(tmp_path, {"cart/service.py": "import no_such_thing\n"})
    found = topology(folder, "services", "--json")
    assert (found.returncode, json.loads(found.stdout)["edges"]) == (0, None)
    assert len(json.loads(found.stdout)["services"]) == 3
    assert "No module named 'no_such_thing'" in found.stderr
