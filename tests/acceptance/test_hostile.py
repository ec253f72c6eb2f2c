"""Whatever is thrown at the book club, as one process or as two: a clear answer, the same one, and nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.raw import Answer, Raw, send
from tests.acceptance.running import BOOKCLUB, copy_workspace, prepare, running

SERVICES = {"monolith": ["bookclub"], "services": ["books", "reviews"]}
CANARY = "canary-4f1d-secret"
COMPARED = ("content-type", "location", "allow", "www-authenticate", "retry-after", "cache-control", "vary", "link")
JSON = ("Content-Type", b"application/json")
BOOKS, REVIEWS = "/api/books", "/api/books/earthsea/reviews"
DEEP = 100_000
TRACE = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"


def post(path: str, body: bytes, *headers: tuple[str, bytes], chunked: bool = False) -> Raw:
    return Raw("POST", path, headers or (JSON,), body, chunked)


def get(path: str, *headers: tuple[str, bytes], host: bytes | None = b"localhost") -> Raw:
    return Raw("GET", path, headers, host=host)


def wrong(*fields: str) -> tuple[int, set[str]]:
    return 422, set(fields)


BODIES = {
    "malformed": (post(BOOKS, b"{"), 400),
    "empty": (post(BOOKS, b""), 400),
    "only a list": (post(BOOKS, b"[]"), wrong("body")),
    "null": (post(BOOKS, b"null"), wrong("body")),
    "every field wrong": (
        post(BOOKS, b'{"title":1,"author":[],"colour":2}'),
        wrong("body.title", "body.author", "body.colour"),
    ),
    "missing fields": (post(BOOKS, b"{}"), wrong("body.title", "body.author")),
    "too long": (post(BOOKS, b'{"title":"%b","author":"x"}' % (b"a" * 201)), wrong("body.title")),
    "true for a number": (post(REVIEWS, b'{"reader":"x","stars":true}'), wrong("body.stars")),
    "a text for a number": (post(REVIEWS, b'{"reader":"x","stars":"4"}'), wrong("body.stars")),
    "out of range": (post(REVIEWS, b'{"reader":"x","stars":6}'), wrong("body.stars")),
    "the last of two equal keys counts": (post(REVIEWS, b'{"reader":"x","stars":1,"stars":9}'), wrong("body.stars")),
    "escaped NUL": (post(BOOKS, b'{"title":"a\\u0000","author":"b"}'), wrong("body.title")),
    "raw NUL": (post(BOOKS, b'{"title":"a\x00","author":"b"}'), 400),
    "half a surrogate": (post(BOOKS, b'{"title":"\\ud800","author":"b"}'), 400),
    "beyond 64 bits": (post(REVIEWS, b'{"reader":"x","stars":9223372036854775808}'), wrong("body.stars")),
    "5000 digits": (post(REVIEWS, b'{"reader":"x","stars":%b}' % (b"9" * 5000)), 400),
    "infinity by exponent": (post(REVIEWS, b'{"reader":"x","stars":1e400}'), wrong("body.stars")),
    "NaN": (post(REVIEWS, b'{"reader":"x","stars":NaN}'), 400),
    "10 MiB": (post(BOOKS, b'{"title":"%b"}' % (b"a" * (10 << 20))), 413),
    "10 MiB in chunks": (post(BOOKS, b'{"title":"%b"}' % (b"a" * (10 << 20)), chunked=True), 413),
    "in chunks": (post(BOOKS, b'{"title":1,"author":"b"}', chunked=True), wrong("body.title")),
    "deep list": (post(BOOKS, b"[" * DEEP + b"]" * DEEP), 400),
    "deep and open": (post(BOOKS, b"[" * DEEP), 400),
    "deep object": (post(BOOKS, b'{"a":' * DEEP + b"1" + b"}" * DEEP), 400),
    "deep below a field": (post(BOOKS, b'{"title":' + b"[" * DEEP + b"]" * DEEP + b"}"), 400),
    "deep and a NUL": (post(BOOKS, b'{"a":"\\u0000","title":' + b"[" * DEEP + b"]" * DEEP + b"}"), 400),
    "not UTF-8": (post(BOOKS, b'{"title":"\xff\xfe","author":"b"}'), 400),
    "UTF-16": (post(BOOKS, '{"title":"a","author":"b"}'.encode("utf-16")), 400),
    "text": (post(BOOKS, b"{}", ("Content-Type", b"text/plain")), 415),
    "no type": (Raw("POST", BOOKS, (), b"{}"), 415),
    "a form": (post(BOOKS, b"title=a", ("Content-Type", b"application/x-www-form-urlencoded")), 415),
    "another charset": (post(BOOKS, b"{}", ("Content-Type", b"application/json; charset=utf-16")), 415),
    "a type of bytes": (post(BOOKS, b"{}", ("Content-Type", b"\xff\xfe/;;;=")), 415),
    "compressed": (post(BOOKS, b"\x1f\x8b\x08", JSON, ("Content-Encoding", b"gzip")), 415),
}
QUERIES = {
    "twice": (get("/api/books?limit=1&limit=2"), wrong("query.limit")),
    "two unknown": (get("/api/books?x=1&y=2"), wrong("query.x", "query.y")),
    "negative": (get("/api/books?limit=-1"), wrong("query.limit")),
    "empty": (get("/api/books?limit="), wrong("query.limit")),
    "with underscore": (get("/api/books?limit=1_0"), wrong("query.limit")),
    "with line end": (get("/api/books?limit=1%0a"), wrong("query.limit")),
    "other digits": (get("/api/books?limit=%D9%A1"), wrong("query.limit")),
    "5000 digits": (get(f"/api/books?limit={'9' * 5000}"), wrong("query.limit")),
    "not UTF-8": (get("/api/books?limit=%ff"), 400),
    "2000 parameters": (get("/api/books?" + "&".join(f"a{n}=1" for n in range(2000))), 400),
    "a cursor of nobody": (get("/api/books?cursor=zzz"), 404),
    "a cursor of another list": (get(f"{REVIEWS}?cursor=MTIz"), 404),
    "a cursor before the beginning": (get("/api/books?cursor=LTE"), 404),
    "a cursor beyond 64 bits": (get("/api/books?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"), 404),
    "a cursor with NUL": (get("/api/books?cursor=%00"), wrong("query.cursor")),
    "on a page": (get("/?limit=0&colour=red"), wrong("query.limit")),  # pages take what nobody declared
}
PATHS = {
    "unknown": (get("/nowhere"), 404),
    "unknown below the prefix": (get("/api/nowhere"), 404),
    "NUL": (get("/%00"), 404),
    "NUL in an id": (get("/api/books/a%00b"), wrong("path.book_id")),
    "NUL in an id of a page": (get("/books/a%00b"), wrong("path.book_id")),
    "NUL in an id of two services": (get("/api/books/a%00b/reviews"), wrong("path.book_id")),
    "a dot": (get("/api/books/%2e/reviews"), wrong("path.book_id")),
    "two dots": (get("/api/books/%2e%2e/reviews"), wrong("path.book_id")),
    "two dots for a book": (get("/api/books/%2e%2e"), wrong("path.book_id")),
    "an encoded slash": (get("/api/books/a%2fb/reviews"), 404),
    "not UTF-8": (get("/api/books/%ff%fe"), 404),
    "not UTF-8 for two services": (get("/api/books/%ff/reviews"), 404),
    "line ends": (get("/api/books/a%0d%0aX-Evil:%201/reviews"), 404),
    "question mark and hash": (get("/api/books/a%3fb%23c/reviews"), 404),
    "a percent sign": (get("/api/books/a%25b/reviews"), 404),
    "parameters of a segment": (get("/api/books/earthsea;x=1"), 404),
    "3000 letters": (get(f"/api/books/{'a' * 3000}/reviews"), 404),
    "another host": (get("//evil.example/"), 404),
    "out of static": (get("/static/../templates/base.html"), 404),
    "out of static, encoded": (get("/static/%2e%2e/templates/base.html"), 404),
    "out of static, with encoded slashes": (get("/static/..%2f..%2fwsgi.py"), 404),
    "out of static, with backslashes": (get("/static/..%5c..%5cwsgi.py"), 404),
    "NUL in static": (get("/static/club.css%00.png"), 404),
    "long in static": (get(f"/static/{'a' * 3000}"), 404),
    "an absolute target": (get("http://evil.example/api/books/none"), 404),
    "a slash at the end": (get("/api/books/"), 404),
}
METHODS = {
    "DELETE": (Raw("DELETE", "/api/books/earthsea"), 405),
    "PUT": (Raw("PUT", REVIEWS, (JSON,), b"{}"), 405),
    "PATCH of a page": (Raw("PATCH", "/"), 405),
    "TRACE": (Raw("TRACE", "/"), 405),
    "an own one": (Raw("BREW", "/"), 405),
    "5000 letters": (Raw("A" * 5000, "/"), 405),
    "another one by header": (
        Raw("POST", "/api/books/earthsea", (("X-HTTP-Method-Override", b"GET"), JSON), b"{}"),
        405,
    ),
    "OPTIONS of nothing": (Raw("OPTIONS", "/nowhere"), 404),
    "OPTIONS of everything": (Raw("OPTIONS", "*"), 404),
}
NONE = "/api/books/none"
HEADERS = {
    "a traceparent that is none": (get(NONE, ("traceparent", b"00-zz")), 404),
    "two traceparents": (get(NONE, ("traceparent", TRACE), ("traceparent", TRACE)), 404),
    "a huge request id": (get(NONE, ("X-Request-ID", b"a" * 6000)), 404),
    "markup for a request id": (get(NONE, ("X-Request-ID", b"<script>")), 404),
    "much baggage": (get(NONE, ("baggage", b"a=b," * 1500)), 404),
    "a header of 100 kB": (get(NONE, ("X-A", b"a" * 100_000)), 404),
    "credentials of bytes": (get(NONE, ("Authorization", b"Basic \xff")), 404),
    "a forwarded host": (get(NONE, ("X-Forwarded-Host", b"evil"), ("X-Forwarded-Prefix", b"/evil")), 404),
    "no host": (get(NONE, host=None), 404),
    "an odd host": (get(NONE, host=b"a b<>"), 404),
    "a host of bytes": (get(NONE, host=b"\xff"), 404),
    "Accept of bytes": (get(NONE, ("Accept", b"\xff\xfe")), 404),
    "Accept of nothing": (get(NONE, ("Accept", b"application/json;q=0")), 404),
    "a long Accept": (get(NONE, ("Accept", b"a/b," * 1500)), 404),
    "a range of nothing": (get("/static/club.css", ("Range", b"bytes=999999-")), 416),
}
HOSTILE = {
    f"{kind}: {name}": case
    for kind, cases in {"body": BODIES, "query": QUERIES, "path": PATHS, "method": METHODS, "header": HEADERS}.items()
    for name, case in cases.items()
}


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the address of each service: ``bookclub`` alone, and ``books`` with ``reviews``."""
    found: dict[str, str] = {}
    with ExitStack() as stack:
        for topology, services in SERVICES.items():
            workspace = copy_workspace(BOOKCLUB, tmp_path_factory.mktemp("club") / topology, topology)
            prepare(workspace)
            made = stack.enter_context(
                running(workspace, services, topology=topology, env={"JWT_SECRET_KEY": CANARY * 3})
            )
            found |= made.urls
        yield found


def ask_both(urls: dict[str, str], request: Raw) -> list[Answer]:
    """Ask the one process, and of the two the one that owns the path."""
    path = request.path.partition("?")[0]
    return [send(urls["bookclub"], request), send(urls["reviews" if path.endswith("/reviews") else "books"], request)]


def assert_nothing_leaks(answer: Answer) -> None:
    for secret in (b"Traceback", b'File "', b".py", b"sqlalchemy", b"object at 0x", CANARY.encode(), b"X-Evil: 1\r\n"):
        assert secret not in answer.raw


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_input_is_answered_clearly_and_alike(urls: dict[str, str], name: str) -> None:
    request, expected = HOSTILE[name]
    status, fields = expected if isinstance(expected, tuple) else (expected, None)
    one, two = ask_both(urls, request)
    for answer in (one, two):
        assert (answer.status, answer.media_type) == (status, "application/problem+json"), answer.raw[:500]
        assert answer.problem()["status"] == status
        assert fields is None or {entry["field"] for entry in answer.problem()["errors"]} == fields
        assert "allow" in answer.headers or status != 405
        assert_nothing_leaks(answer)
    assert one.problem() == two.problem()
    assert {n: one.headers.get(n) for n in COMPARED} == {n: two.headers.get(n) for n in COMPARED}


@pytest.mark.parametrize(
    "request_",
    [
        get("/", ("X-Request-ID", b"a\x01b\x1b[31m")),
        get("/", *(("X-A", b"a") for _ in range(2000))),
        get("/" + "a" * 100_000),
        get("/api/books/\xff"),
        Raw("POST", BOOKS, (JSON, ("Content-Length", b"2"), ("Content-Length", b"3")), b""),
        Raw("POST", BOOKS, (JSON, ("Content-Length", b"-1")), b""),
        Raw("POST", BOOKS, (JSON, ("Content-Length", b"99999999999999999999")), b""),
        Raw("POST", BOOKS, (JSON, ("Transfer-Encoding", b"xchunked")), b""),
    ],
    ids=["control characters", "many headers", "long path", "bytes", "two lengths", "negative", "huge", "odd coding"],
)
def test_what_is_no_http_is_refused_before_the_application(urls: dict[str, str], request_: Raw) -> None:
    for answer in ask_both(urls, request_):
        assert answer.status in (400, 414, 431)
        assert_nothing_leaks(answer)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        (BOOKS, "GET, HEAD, OPTIONS, POST"),
        (REVIEWS, "GET, HEAD, OPTIONS, POST"),
        ("/api/books/earthsea", "GET, HEAD, OPTIONS"),
        ("/reviews", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_says_what_a_path_allows_in_one_order(urls: dict[str, str], path: str, allow: str) -> None:
    for answer in ask_both(urls, Raw("OPTIONS", path)):
        assert (answer.status, answer.headers["allow"], answer.body) == (200, allow, b"")


@pytest.mark.parametrize("path", [BOOKS, "/api/books/earthsea", NONE, "/", "/reviews", "/nowhere"])
def test_head_is_get_without_its_body(urls: dict[str, str], path: str) -> None:
    asked, headed = (ask_both(urls, Raw(method, path)) for method in ("GET", "HEAD"))
    for got, head in zip(asked, headed, strict=True):
        assert (head.status, head.body) == (got.status, b"")
        assert {n: head.headers.get(n) for n in COMPARED} == {n: got.headers.get(n) for n in COMPARED}


def test_a_request_id_of_ones_own_comes_back_and_a_strange_one_does_not(urls: dict[str, str]) -> None:
    for answer in ask_both(urls, get(NONE, ("X-Request-ID", b"mine-1"))):
        assert answer.headers["x-request-id"] == "mine-1"
    for answer in ask_both(urls, get(NONE, ("X-Request-ID", b"<script>"))):
        assert "script" not in answer.headers["x-request-id"]


def test_a_trace_goes_through_both_services_and_a_wrong_one_begins_anew(urls: dict[str, str]) -> None:
    for answer in ask_both(urls, get("/api/books/none/reviews", ("traceparent", TRACE))):
        assert b'"trace_id":"' + b"a" * 32 in answer.body
    for answer in ask_both(urls, get("/api/books/none/reviews", ("traceparent", b"00-" + b"0" * 32 + TRACE[35:]))):
        assert b'"trace_id":"' + b"0" * 32 not in answer.body


def test_the_club_is_well_after_all_that(urls: dict[str, str]) -> None:
    for url in urls.values():
        assert send(url, get("/health/ready")).status == 200
