"""Where requests go: what is written, what is derived, what is left, and what nobody answers."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from typing import Any

import pytest

from decant.gateway.base import Address, Answer, Forward, Head, State
from decant.gateway.health import ServiceHealth
from decant.gateway.routes.documents import Documents
from decant.gateway.routes.manifest import EDGE, Manifest, RouteEntry
from decant.gateway.routes.router import Routes, Target, Written
from decant.gateway.upstream import Upstream

READ = ("GET", "HEAD", "OPTIONS")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ROUTES = (
    RouteEntry("/", READ, "web"),
    RouteEntry("/api/products", READ, "catalog"),
    RouteEntry("/api/products/<product_id>", READ, "catalog"),
    RouteEntry("/api/products/<product_id>", ("OPTIONS", "PUT"), "stock"),
    RouteEntry("/blog/", READ, "web"),
    RouteEntry("/users/<int:user_id>", READ, "users"),
    RouteEntry("/own", ("GET", "OPTIONS"), "web", automatic=False),
    RouteEntry("/health/live", READ, EDGE, "decant_health_live"),
    RouteEntry("/docs", READ, EDGE, "decant_docs.page"),
    RouteEntry("/docs/assets/<name>", READ, EDGE, "decant_docs.asset"),
    RouteEntry("/openapi.json", READ, EDGE, "decant_openapi.openapi"),
)
DOCUMENT = {"openapi": "3.1.1", "info": {"title": "shop", "version": "1"}, "paths": {}}
MODULES = ("catalog", "stock", "users", "web")
SERVICES = {name: Upstream(name, [Address("127.0.0.1", 1 + at)]) for at, name in enumerate((*MODULES, "legacy"))}


def foreign(name: str = "legacy") -> Target:
    return Target(name, SERVICES[name])


def ours(name: str) -> Target:
    return Target(name, SERVICES[name], (name,))


def router(
    written: Mapping[str, Mapping[Target, int]] | None = None, pages: str | None = "web", state: State | None = None
) -> Routes:
    manifest = Manifest("shop", "/api", MODULES, ROUTES, pages, DOCUMENT)
    services = {module: SERVICES[module] for module in MODULES}
    documents = Documents(manifest, ServiceHealth(services), state or State(ready=True))
    return Routes(manifest, services, [Written(path, to) for path, to in (written or {}).items()], documents)


def head(path: str, method: str = "GET", client: str = "203.0.113.9", query: str = "", **headers: str) -> Head:
    named = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Head(method, path, path, query, named, client, request_id="r-1", trace_id="t-1")


def ask(routes: Routes, path: str, method: str = "GET", **more: Any) -> Forward | Answer:
    decided = routes.route(head(path, method, **more))
    if isinstance(decided, Forward | Answer):
        return decided

    async def wait() -> Answer:
        assert inspect.isawaitable(decided)
        return await decided

    return asyncio.run(wait())


def goes_to(routes: Routes, path: str, method: str = "GET", **more: Any) -> str:
    """Return the service, or the status of an answer; both where a service is told to say no."""
    decided = ask(routes, path, method, **more)
    if isinstance(decided, Answer):
        return str(decided.status)
    said = dict(decided.headers).get(b"decant-edge", b"").decode()
    return f"{decided.upstream.name} {said[:3]}" if said[:1] == "4" else decided.upstream.name


def problem(answer: Forward | Answer) -> dict[str, Any]:
    assert isinstance(answer, Answer)
    document: dict[str, Any] = json.loads(answer.body)
    return document


@pytest.mark.parametrize(
    ("method", "path", "to"),
    [
        ("GET", "/", "web"), ("HEAD", "/", "web"), ("POST", "/", "web 405"), ("GET", "/api/products", "catalog"),
        ("GET", "/api/products/p1", "catalog"), ("PUT", "/api/products/p1", "stock"), ("GET", "/users/7", "users"),
        ("GET", "/users/x", "users 404"), ("GET", "/users/%37", "users"), ("GET", "/blog", "web"), ("GET", "/nothing", "404"),
        ("GET", "/apis", "404"), ("GET", "/blog/x", "web 404"), ("POST", "/blog/", "web 405"), ("GET", "/-", "404"), ("GET", "/-/products", "404"),
        ("OPTIONS", "/-/products", "404"), ("GET", "/-x", "404"), ("GET", "/products/p1", "404"),
    ],
)  # fmt: skip
def test_a_request_goes_to_the_module_that_answers_it(method: str, path: str, to: str) -> None:
    assert goes_to(router(), path, method) == to


def test_what_is_forwarded_is_named_by_its_template() -> None:
    decided = ask(router(), "/api/products/p1")
    assert isinstance(decided, Forward)
    assert decided.route == "/api/products/<product_id>"


def test_options_lists_the_methods_of_all_services() -> None:
    decided = ask(router(), "/api/products/p1", "OPTIONS")
    assert isinstance(decided, Forward)
    assert decided.headers == ((b"decant-edge", b"200 GET, HEAD, OPTIONS, PUT"),)


def test_options_that_a_view_answers_itself_is_forwarded_as_it_is() -> None:
    decided = ask(router(), "/own", "OPTIONS")
    assert isinstance(decided, Forward)
    assert decided.headers == ()


def test_a_program_gets_a_problem_with_its_ids() -> None:
    answer = ask(router(), "/nothing")
    assert problem(answer) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "The requested URL was not found on the server. If you entered the URL manually please check your "
        "spelling and try again.",
        "code": "not-found",
        "trace_id": "t-1",
        "request_id": "r-1",
    }


def test_a_method_that_no_service_has_is_told_with_those_that_there_are() -> None:
    answer = ask(router(), "/api/products/p1", "DELETE")
    assert isinstance(answer, Answer)
    assert dict(answer.headers)["Allow"] == "GET, HEAD, OPTIONS, PUT"
    assert problem(answer)["code"] == "method-not-allowed"


def test_where_one_module_has_all_routes_its_service_says_no() -> None:
    decided = ask(router(), "/users/7", "PUT")
    assert isinstance(decided, Forward)
    assert (decided.upstream.name, decided.headers) == ("users", ((b"decant-edge", b"405 GET, HEAD, OPTIONS"),))


def test_xml_is_answered_to_who_asks_for_it() -> None:
    answer = ask(router(), "/nothing", accept="application/xml")
    assert isinstance(answer, Answer)
    assert dict(answer.headers)["Content-Type"] == "application/problem+xml"


@pytest.mark.parametrize(("method", "said"), [("GET", b"404"), ("POST", b"404")])
def test_a_browser_gets_the_page_of_the_pages_module(method: str, said: bytes) -> None:
    decided = ask(router(), "/nothing", method, accept=BROWSER)
    assert isinstance(decided, Forward)
    assert (decided.upstream.name, decided.headers) == ("web", ((b"decant-edge", said),))


def test_a_browser_is_told_of_methods_by_a_page_too() -> None:
    decided = ask(router(), "/users/7", "POST", accept=BROWSER)
    assert isinstance(decided, Forward)
    assert (decided.upstream.name, decided.headers) == ("web", ((b"decant-edge", b"405 GET, HEAD, OPTIONS"),))


def test_below_the_prefix_and_without_pages_a_browser_gets_a_problem() -> None:
    assert goes_to(router(), "/api/nothing", accept=BROWSER) == "404"
    assert goes_to(router(pages=None), "/nothing", accept=BROWSER) == "404"
    assert goes_to(router(pages=None), "/users/x", accept=BROWSER) == "users 404"


def test_a_written_route_wins_over_derived_ones_the_longest_first() -> None:
    routes = router({"/users/*": {foreign(): 1}, "/users/7": {ours("users"): 1}, "/api/*": {foreign(): 1}})
    assert goes_to(routes, "/users/7") == "users"
    assert goes_to(routes, "/users/8") == "legacy"
    assert goes_to(routes, "/users") == "legacy"
    assert goes_to(routes, "/usersx") == "404"
    assert goes_to(routes, "/api/products", "DELETE") == "legacy"


def test_what_is_left_goes_to_the_end_of_the_table() -> None:
    routes = router({"/*": {foreign(): 1}})
    assert goes_to(routes, "/api/products") == "catalog"
    assert goes_to(routes, "/anything", "PURGE") == "legacy"
    assert goes_to(routes, "/anything", accept=BROWSER) == "legacy"
    assert goes_to(routes, "/api/products", "DELETE") == "405"
    assert goes_to(routes, "/health/live") == "200"
    assert goes_to(routes, "/-/x") == "404"


def test_a_written_route_to_a_module_answers_no_more_than_is_public_there() -> None:
    routes = router({"/users/*": {ours("users"): 1}, "/api/*": {ours("catalog"): 1}})
    assert goes_to(routes, "/users/7") == "users"
    assert goes_to(routes, "/users/7/secrets") == "users 404"
    assert goes_to(routes, "/api/products/p1", "PUT") == "405"


def test_weights_divide_clients_and_each_stays() -> None:
    routes = router({"/users/*": {foreign(): 75, ours("users"): 25}})
    clients = [f"10.0.{number // 250}.{number % 250}" for number in range(2000)]
    first = [goes_to(routes, "/users/7", client=client) for client in clients]
    assert first == [goes_to(routes, "/users/7", client=client) for client in clients]
    assert 400 < first.count("users") < 600


def test_a_client_is_known_by_its_credentials_wherever_it_is() -> None:
    routes = router({"/users/*": {foreign(): 50, ours("users"): 50}})
    seen = {
        token: {goes_to(routes, "/users/7", client=f"10.0.0.{at}", authorization=token) for at in range(20)}
        for token in (f"Bearer {number}" for number in range(20))
    }
    assert all(len(found) == 1 for found in seen.values())
    assert len(set().union(*seen.values())) == 2


def test_the_document_and_its_page_are_answered_by_the_gateway() -> None:
    routes = router()
    answer = ask(routes, "/openapi.json")
    assert problem(answer) == DOCUMENT
    assert isinstance(answer, Answer)
    tag = dict(answer.headers)["ETag"]
    again = ask(routes, "/openapi.json", if_none_match=tag)
    assert isinstance(again, Answer)
    assert (again.status, again.body) == (304, b"")
    page = ask(routes, "/docs", host="shop.example", accept=BROWSER)
    assert isinstance(page, Answer)
    assert b"shop.example" in page.body
    assert goes_to(routes, "/docs/assets/docs.css") == "200"
    lost = ask(routes, "/docs/assets/nothing.css")
    assert problem(lost)["request_id"] == "r-1"


def test_readiness_follows_the_process() -> None:
    manifest_route = RouteEntry("/health/ready", READ, EDGE, "decant_health_ready")
    state = State()
    manifest = Manifest("shop", "", (), (manifest_route,), None, DOCUMENT)
    routes = Routes(manifest, {}, [], Documents(manifest, ServiceHealth({}), state))
    assert goes_to(routes, "/health/ready") == "503"
    state.ready = True
    assert goes_to(routes, "/health/ready") == "200"
    state.draining = True
    answer = ask(routes, "/health/ready")
    assert isinstance(answer, Answer)
    assert (answer.status, dict(answer.headers)["Retry-After"], problem(answer)["code"]) == (503, "1", "not-ready")
