"""``decant gateway`` and ``decant routes --manifest``: what they write, and what they say when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.edge import edge
from tests.acceptance.running import environment
from tests.support.three_modules import write_shop

pytestmark = pytest.mark.serving

GATEWAY = '\n[[gateway.routes]]\npath = "/old/*"\nto = {to}\n\n[services.legacy]\nurl = "http://127.0.0.1:9"\n'


def decant(root: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """Run a command and return its exit code and all that it said."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("decant")), *arguments],
        cwd=root, env=environment(root / ".decant", env), capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert "Traceback" not in told, told
    return done.returncode, told


def shop(tmp_path: Path, to: str = '"legacy"') -> Path:
    root = write_shop(tmp_path)
    toml = root / "decant.toml"
    toml.write_text(toml.read_text() + GATEWAY.format(to=to))
    return root


def manifest(root: Path, **env: str) -> dict[str, Any]:
    code, told = decant(root, "routes", "--manifest", "routes.json", **env)
    assert code == 0, told
    document: dict[str, Any] = json.loads((root / "routes.json").read_text())
    return document


def test_the_manifest_holds_what_is_public_and_no_more(tmp_path: Path) -> None:
    document = manifest(shop(tmp_path))
    answered = {route["path"]: route["module"] for route in document["routes"]}
    assert answered["/"] == "web"
    assert answered["/api/products/<product_id>"] == "catalog"
    assert answered["/api/cart"] == "cart"
    assert answered["/health"] is None
    assert not [path for path in answered if "stock" in path or path.startswith("/-") or path == "/cart"]
    assert set(document["openapi"]["paths"]) == {"/api/cart", "/api/products/{product_id}"}
    assert document["modules"] == ["cart", "catalog", "web"]


@pytest.mark.parametrize(
    "env", [{"DECANT_ENV": "production"}, {"DECANT_TOPOLOGY": "services"}, {"DECANT_SERVICE": "*"}]
)
def test_it_is_the_same_everywhere(tmp_path: Path, env: dict[str, str]) -> None:
    root = shop(tmp_path)
    assert manifest(root) == manifest(root, **env)


def test_the_table_shows_what_is_written_before_what_is_derived(tmp_path: Path) -> None:
    root = shop(tmp_path, "{ legacy = 3, catalog = 1 }")
    code, told = decant(root, "gateway", "--routes", "--topology", "services", "--json")
    assert code == 0, told
    rows = json.loads(told)["routes"]
    assert rows[0] == {"methods": "any", "path": "/old/*", "to": "legacy 75%, catalog 25%", "source": "decant.toml"}
    assert {"methods": "GET", "path": "/", "to": "web", "source": "web"} in rows


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--json",), 2, "--json needs --routes"),
        (("--manifest", "none.json"), 3, "none.json cannot be read: No such file or directory"),
        (("--manifest", "decant.toml"), 3, "decant.toml is no JSON"),
        (("--manifest", "old.json"), 3, "old.json has the schema 0, and this version reads 1"),
        (("--manifest", "half.json"), 3, "half.json lacks something: 'prefix'"),
        (("--topology", "none"), 3, "there is no topology"),
        (("--bind", "127.0.0.1:x"), 2, "'x' is no port"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    root = shop(tmp_path)
    (root / "old.json").write_text('{"schema": 0}')
    (root / "half.json").write_text('{"schema": 1, "workspace": "shop"}')
    bind = () if "--bind" in arguments else ("--bind", "127.0.0.1:0")
    found, told = decant(root, "gateway", *bind, *arguments)
    assert (found, told.count("error[")) == (code, 1), told
    assert said in told


def test_a_route_to_what_the_topology_does_not_have_is_told_with_its_line(tmp_path: Path) -> None:
    root = shop(tmp_path, '"shop"')
    code, told = decant(root, "gateway", "--topology", "services", "--routes")
    assert code == 3
    assert "decant.toml:" in told
    assert "the route /old/* leads to 'shop', which the topology 'services' does not have" in told


def test_a_manifest_of_other_modules_is_refused(tmp_path: Path) -> None:
    root = shop(tmp_path)
    document = manifest(root)
    (root / "routes.json").write_text(json.dumps({**document, "modules": ["catalog", "till", "web"]}))
    code, told = decant(root, "gateway", "--manifest", "routes.json", "--bind", "127.0.0.1:0")
    assert code == 3
    assert "differ in the modules cart, till" in told


def test_a_module_that_does_not_load_is_told_with_its_place(tmp_path: Path) -> None:
    root = shop(tmp_path)
    (root / "shop" / "web" / "urls.py").write_text("import nothing_like_it\n")
    code, told = decant(root, "gateway", "--bind", "127.0.0.1:0")
    assert code == 3
    assert "shop/web/urls.py:1" in told
    assert "decant gateway --manifest FILE" in told


def test_a_service_that_is_not_reached_by_plain_http_is_refused(tmp_path: Path) -> None:
    code, told = decant(shop(tmp_path), "gateway", "--routes", LEGACY_SERVICE_URL="https://old.example/app")
    assert code == 3
    assert "The gateway reaches legacy by plain HTTP" in told


def test_a_workspace_without_modules_has_a_gateway_too(tmp_path: Path) -> None:
    (tmp_path / "decant.toml").write_text(
        '[workspace]\nname = "old"\n\n[services.legacy]\nurl = "http://127.0.0.1:9"\n\n'
        '[[gateway.routes]]\npath = "/*"\nto = "legacy"\n'
    )
    with edge(tmp_path, {}) as made:
        url = made.urls["gateway"]
        assert requests.get(f"{url}/health", timeout=10).json() == {"gateway": "healthy", "services": {}}
        assert requests.get(f"{url}/health/live", timeout=10).json() == {"status": "alive"}
        assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
        answer = requests.get(f"{url}/anything", timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
