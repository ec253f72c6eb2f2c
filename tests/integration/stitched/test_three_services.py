"""A failure three services away: one chain where the request came in, and nothing of it in production."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from decant.auth import ServiceTokens, parse_key
from tests.acceptance.running import Running, free_port, running, service_key, until
from tests.support.three_modules import write_shop

pytestmark = pytest.mark.serving

SERVICES = ["catalog", "cart", "web"]
CANARY = "canary-pa55word-Qx7"
BROKEN = f"""
    import logging

    from shop.catalog.api import Catalog, Product

    log = logging.getLogger("shop.catalog")
    SHELVES: dict[str, Product] = {{}}


    class CatalogService(Catalog):
        def get_product(self, product_id: str) -> Product:
            log.warning("looking for %s with password=%s", product_id, "{CANARY}")
            return SHELVES[product_id]  # token="{CANARY}"

        def stock(self) -> int:
            return 3
"""
TELLING = """
    import logging

    from shop.cart.api import Cart
    from shop.catalog.api import Catalog, Product

    log = logging.getLogger("shop.cart")


    class CartService(Cart):
        def __init__(self, catalog: Catalog) -> None:
            self.catalog = catalog

        def show(self) -> list[Product]:
            log.info("filling the cart")
            return [self.catalog.get_product("p<1>")]
"""
STEPS = ["shop/web/urls.py:9", "shop/cart/service.py:15", "shop/catalog/service.py:12"]
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def shop(folder: Path) -> Path:
    return write_shop(folder, {"catalog/service.py": BROKEN, "cart/service.py": TELLING})


@pytest.fixture(scope="module", params=["services", "strict", "direct"])
def developed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    topology, services = ("services", SERVICES) if request.param == "services" else ("monolith", ["shop"])
    mode = "direct" if request.param == "direct" else "strict"
    env = {"DECANT_ENV": "development", "DECANT_LOG_FORMAT": "pretty", "DECANT_TOPOLOGY": topology}
    env["DECANT_CALLS_MODE"] = mode
    with running(shop(tmp_path_factory.mktemp("shop")), services, topology=topology, env=env) as made:
        yield made


apart = pytest.mark.parametrize("developed", ["services"], indirect=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    env = {"DECANT_ENV": "production", "DECANT_LOG_FORMAT": "json", "DECANT_TOPOLOGY": "services"}
    with running(shop(tmp_path_factory.mktemp("shop")), SERVICES, topology="services", env=env) as made:
        yield made


def edge(made: Running) -> str:
    return made.urls.get("web") or made.urls["shop"]


def logged(made: Running, service: str, request_id: str) -> str:
    """Return what a service printed of a request, once its access line is there."""
    until(lambda: request_id in made.output(service), 10, lambda: made.output(service))
    return made.output(service)


def ask(made: Running, request_id: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.get(f"{edge(made)}/", headers={"X-Request-ID": request_id, **(headers or {})}, timeout=20)


def in_order(text: str, parts: list[str]) -> bool:
    return re.search(".*?".join(map(re.escape, parts)), text, re.DOTALL) is not None


def test_the_answer_is_that_of_any_bug_and_holds_the_chain(developed: Running) -> None:
    answer = ask(developed, "json-1")
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["type"]) == (500, "internal", "about:blank")
    steps = problem["failure"]["steps"]
    assert [f"{step['file']}:{step['line']}" for step in steps] == STEPS
    assert [step["operation"] for step in steps][1:] == ["cart.show", "catalog.get_product"]
    assert [step.get("error") for step in steps] == [None, None, "KeyError"]
    assert steps[2]["source"] == "return SHELVES[product_id]  # token=***"
    if developed.topology == "services":
        assert [step["service"] for step in steps] == ["web", "cart", "catalog"]
    said = [(line["logger"], line["message"]) for line in problem["failure"]["lines"] if line["logger"] != "shop"]
    assert ("shop.cart", "filling the cart") in said
    assert said.index(("shop.cart", "filling the cart")) < said.index(
        ("shop.catalog", "looking for p<1> with password=***")
    )
    assert CANARY not in answer.text


def test_the_page_shows_the_chain_and_obeys_nothing_in_it(developed: Running) -> None:
    answer = ask(developed, "page-1", HTML)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert in_order(answer.text, [*STEPS, "KeyError", "filling the cart", "looking for p&lt;1&gt;"])
    assert "p<1>" not in answer.text
    assert CANARY not in answer.text


@apart
def test_the_terminal_where_the_request_came_in_shows_the_chain_once(developed: Running) -> None:
    ask(developed, "terminal-1")
    own = part_of(logged(developed, "web", "terminal-1"), "terminal-1")
    assert in_order(own, ["Exception on / [GET]", *STEPS, "KeyError: 'p<1>'", "filling the cart", "looking for p<1>"])
    assert own.count("Exception on /") == own.count(STEPS[2]) == own.count(STEPS[1]) == 1
    assert "Traceback" not in own, "one chain, not two kinds of it"


@apart
def test_in_between_one_line_is_enough_and_where_it_arose_is_everything(developed: Running) -> None:
    ask(developed, "between-1")
    cart = part_of(logged(developed, "cart", "between-1"), "between-1")
    assert "cart.show failed: catalog.get_product failed with an internal error: KeyError: 'p<1>'" in cart
    assert "Traceback" not in cart
    catalog = part_of(logged(developed, "catalog", "between-1"), "between-1")
    assert catalog.count("Traceback (most recent call last)") == 1


def part_of(output: str, request_id: str) -> str:
    """Return the records of a request, each with the lines below it."""
    records = re.split(r"\n(?=\d\d:\d\d:\d\d\.\d{3} )", re.sub(r"\x1b\[\d+(;\d+)*m", "", output))
    return "\n".join(record for record in records if f"request_id={request_id}" in record.split("\n", 1)[0])


@pytest.mark.parametrize("headers", [{}, HTML, {"Accept": "application/xml"}])
def test_in_production_nobody_is_told_more_than_code_and_ids(served: Running, headers: dict[str, str]) -> None:
    answer = ask(served, "production-1", headers)
    assert answer.status_code == 500
    for told in ("failure", "SHELVES", "KeyError", "service.py", "filling", CANARY):
        assert told not in answer.text
    assert "production-1" in answer.text


def test_in_production_another_service_is_told_no_more_either(served: Running) -> None:
    token = ServiceTokens(parse_key(service_key()), "cart").issue("catalog")
    headers = {"Decant-Service-Token": token}
    answer = requests.get(f"{served.urls['catalog']}/products/{CANARY}", headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "trace_id", "request_id"}
    assert CANARY not in answer.text


@apart
def test_in_development_a_service_without_a_good_token_is_told_nothing(developed: Running) -> None:
    headers = {"Decant-Service-Token": "a.b.c"}
    answer = requests.get(f"{developed.urls['catalog']}/products/p1", headers=headers, timeout=20)
    assert answer.status_code == 401
    assert "failure" not in answer.json()


def test_in_production_each_service_logs_its_own_part_as_json(served: Running) -> None:
    ask(served, "production-2")
    found: dict[str, list[dict[str, Any]]] = {}
    for service in SERVICES:
        lines = [json.loads(line) for line in logged(served, service, "production-2").splitlines() if line[:1] == "{"]
        mine = [line for line in lines if line.get("request_id") == "production-2"]
        found[service] = [line for line in mine if "exception" in line]
    assert {service: len(lines) for service, lines in found.items()} == dict.fromkeys(SERVICES, 1)
    assert found["catalog"][0]["exception"]["type"] == "KeyError"
    assert all("SHELVES" not in json.dumps(found[service]) for service in ("cart", "web"))
    assert len({line["trace_id"] for lines in found.values() for line in lines}) == 1


def test_a_service_that_is_not_there_is_told_where_it_was_missed(tmp_path: Path) -> None:
    env = {
        "DECANT_ENV": "development",
        "DECANT_TOPOLOGY": "services",
        "CATALOG_SERVICE_URL": f"http://127.0.0.1:{free_port()}",
    }
    with running(shop(tmp_path), ["cart", "web"], topology="services", env=env) as made:
        answer = ask(made, "gone-1")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert [f"{step['file']}:{step['line']}" for step in problem["failure"]["steps"]][:2] == STEPS[:2]
