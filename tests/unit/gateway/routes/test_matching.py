"""The table decides as Werkzeug does, for any rules and any path."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from decant.gateway.routes.manifest import Pattern, RouteEntry
from decant.gateway.routes.matching import Table

SEGMENTS = ["a", "b", "new", "a.b", "<x>", "<int:x>", "<float:x>", "<any(a, b):x>", "<uuid:x>", "v<int:x>", "<x>.json",
            "<string(length=2):x>", "<int(min=2, max=8):x>", "<path:x>"]  # fmt: skip
VALUES = ["a", "b", "new", "a.b", "7", "9", "1.5", "v3", "x.json", "xy", "aa", "ü", "-1",
          "0b4ee3f0-8c47-4c3e-9d2a-1c2d3e4f5a6b", "٣"]  # fmt: skip
METHODS = ["GET", "POST", "PUT"]


def entry(path: str, *methods: str, strict: bool = True) -> RouteEntry:
    return RouteEntry(path, methods or ("GET", "HEAD", "OPTIONS"), "shop", strict=strict)


def named(segments: list[str], slash: bool) -> str:
    parts = [segment.replace("x>", f"x{place}>") for place, segment in enumerate(segments)]
    return "/" + "/".join(parts) + ("/" if slash and parts else "")


rules = st.builds(
    lambda segments, slash, methods, strict: entry(named(segments, slash), *sorted(methods), strict=strict),
    st.lists(st.sampled_from(SEGMENTS), max_size=4),
    st.booleans(),
    st.sets(st.sampled_from(METHODS), min_size=1),
    st.booleans(),
)
paths = st.builds(
    lambda segments, slash: "/" + "/".join(segments) + ("/" if slash and segments else ""),
    st.lists(st.sampled_from(VALUES), max_size=5),
    st.booleans(),
)


def of_werkzeug(routes: list[RouteEntry], path: str, method: str) -> tuple[str, object]:
    adapter = Map(
        [Rule(route.path, endpoint=route, methods=route.methods, strict_slashes=route.strict) for route in routes]
    ).bind("edge")
    try:
        rule, _ = adapter.match(path, method, return_rule=True)
        return "route", rule.endpoint
    except RequestRedirect:
        return of_werkzeug(routes, f"{path}/", method)
    except MethodNotAllowed as error:
        return "methods", frozenset(error.valid_methods or ())
    except NotFound:
        return "nothing", frozenset()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(rules, min_size=1, max_size=8, unique_by=lambda route: (route.path, route.methods)),
    paths,
    st.sampled_from(METHODS),
)
def test_it_finds_what_werkzeug_finds(routes: list[RouteEntry], path: str, method: str) -> None:
    found = Table(routes).find(path, method)
    kind, wanted = of_werkzeug(routes, path, method)
    if kind == "route":
        assert found.route == wanted
    else:
        assert (found.route, found.allowed) == (None, wanted)


def test_all_methods_of_a_path_are_those_of_all_routes_that_match_it() -> None:
    table = Table([entry("/orders/export", "GET"), entry("/orders/<id>", "DELETE"), entry("/orders", "POST")])
    assert table.methods("/orders/export") == {"GET", "HEAD", "DELETE"}
    assert table.methods("/orders/7") == {"DELETE"}
    assert table.methods("/nothing") == frozenset()


def test_a_path_that_lacks_its_last_slash_belongs_to_who_redirects_it() -> None:
    found = Table([entry("/blog/"), entry("/<name>", "POST")]).find("/blog", "GET")
    assert found.route is not None
    assert found.route.path == "/blog/"


@pytest.mark.parametrize(("path", "matches"), [("/l/de", True), ("/l/nl", False), ("/t/a/b", True), ("/t/A", False)])
def test_an_applications_own_converter_matches_by_its_pattern(path: str, matches: bool) -> None:
    routes = [
        RouteEntry("/l/<lang:l>", ("GET",), "shop", rule="/l/<show_l:l>"),
        RouteEntry("/t/<tree:t>", ("GET",), "shop", rule="/t/<show_t:t>"),
    ]
    patterns = {"show_l": Pattern("de|en"), "show_t": Pattern("[a-z/]+", whole=False)}
    assert (Table(routes, patterns).find(path, "GET").route is not None) is matches
