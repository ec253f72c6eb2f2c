"""What the gateway lets through: nothing ambiguous, nothing forged, nothing too big, and every trace (R20-R23, R34)."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest
from flask import Flask, request

from decant.gateway.base import Address, Answer, Forward, Head
from decant.observe.tracing import parse_tracestate
from tests.support.confused import PROTECTED, Confused, spellings
from tests.support.edge import Front, Request, edge_running, read_all, status_of
from tests.support.edge_process import edge_process
from tests.support.served import serving
from tests.support.trials import dice, record, trials

pytestmark = [pytest.mark.trials, pytest.mark.serving]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Counted:
    """A Flask application that counts what ran."""

    def __init__(self) -> None:
        self.app = Flask("counted")
        self.ran: list[str] = []
        self.app.add_url_rule("/", "any", self._run, defaults={"path": ""}, methods=["GET", "POST"])
        self.app.add_url_rule("/<path:path>", "any", self._run, methods=["GET", "POST"])

    def _run(self, path: str) -> str:
        self.ran.append(f"{request.method} /{path}")
        return f"{len(request.get_data())}"


@pytest.fixture
def counted() -> Iterator[tuple[Front, Counted]]:
    behind = Counted()
    with serving(behind.app) as url:
        host, port = url.removeprefix("http://").split(":")
        with edge_running(addresses=(Address(host, int(port)),)) as front:
            yield front, behind


def mutated(chance: random.Random) -> bytes:
    """Return a request with a second one hidden in its body, framed in some way that servers disagree on."""
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    odd = chance.choice([
        b" ", b"\t", b"\x0b", b"\x0c", b"\x00", b"\xa0", b"\x85", b"\r", b"\n", b"\r\n ", b"\n ", b"\\", b";", b",", b"\"", b"\x7f", b"\x1f", b"%20", b"_", b"-", b"+", b"0x", b"0",
    ])  # fmt: skip
    length = b"%d" % chance.choice([len(chunks), 4, 5, len(SMUGGLED)])
    lengths = [
        b"Content-Length: %b" % length, b"Content-Length: %b%b" % (odd, length), b"Content-Length: %b%b" % (length, odd), b"Content-Length%b: %b" % (odd, length),
        b"%bContent-Length: %b" % (odd, length), b"Content-Length: %b\r\nContent-Length: 4" % length, b"Content-Length: %b, 4" % length, b"Content_Length: %b" % length,
        b"Content-Length:%b%b" % (odd, length), b"CONTENT-LENGTH: -%b" % length, b"X: y%bContent-Length: %b" % (odd, length),
    ]  # fmt: skip
    codings = [
        b"Transfer-Encoding: chunked", b"Transfer-Encoding:%bchunked" % odd, b"Transfer-Encoding: chunked%b" % odd, b"Transfer-Encoding%b: chunked" % odd,
        b"%bTransfer-Encoding: chunked" % odd, b"Transfer-Encoding: x%bchunked" % odd, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"Transfer_Encoding: chunked",
        b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: chunked\r\n x", b"X: y%bTransfer-Encoding: chunked" % odd, b"Transfer-%bEncoding: chunked" % odd,
    ]  # fmt: skip
    lines = [
        chance.choice(
            [b"Host: a", b"Host: a", b"Host: a", b"Host: a\r\nHost: b", b"Host : a", b"Host: a%bb" % odd, b"X: 1"]
        )
    ]
    lines += chance.sample(lengths, chance.randint(0, 2)) + chance.sample(codings, chance.randint(0, 2))
    chance.shuffle(lines)
    size = b"%x" % len(SMUGGLED)
    size = chance.choice(
        [
            size,
            b"0" + size,
            b"+" + size,
            b"0x" + size,
            size + b" ",
            b" " + size,
            size + b"\t",
            size + b";a",
            size + b';a="\r\n',
            size + b"\n",
            size.upper(),
            b"-" + size,
            b"1" + odd + size,
        ]
    )
    end = chance.choice([b"\r\n", b"\r\n", b"\n", b"\r", b"", b"\r\n\r\n", b"x\r\n"])
    body = chance.choice([chunks, b"%b\r\n%b%b0\r\n\r\n" % (size, SMUGGLED, end), b"0\r\n\r\n" + SMUGGLED, SMUGGLED])
    line = chance.choice([b"POST /first HTTP/1.1", b"POST /first HTTP/1.1", b"POST /first HTTP/1.1", b"GET /first HTTP/1.1", b"POST /first HTTP/1.0", b"POST  /first HTTP/1.1", b"POST /first%bHTTP/1.1" % odd])  # fmt: skip
    return line + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body


def _is_plain(raw: bytes) -> bool:
    """Whether what follows the first request is honestly a second one: a client may send two."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lowered = head.lower()
    framed = b"\r\ncontent-length: " in lowered or b"\r\ntransfer-encoding" in lowered
    if b"\r\nContent-Length: 5\r\n" in head + b"\r\n" and body.startswith(b"0\r\n\r\nGET"):
        return True
    return (not framed and body.startswith(b"GET")) or (
        b"0\r\n\r\nGET" in body and b"\r\ntransfer-encoding: chunked" in lowered
    )


def test_no_ambiguous_framing_runs_a_second_request(counted: tuple[Front, Counted]) -> None:
    front, behind = counted
    chance, count, failures, refused, tried = dice("R20"), trials(2_000), [], 0, 0
    while tried < count:
        raw = mutated(chance)
        if _is_plain(raw):
            continue  # two requests, honestly said: both run, as they should
        tried += 1
        behind.ran.clear()
        with front.connect() as one:
            one.sendall(raw)
            answer = _first(one)
        refused += status_of(answer) >= 400
        if any("smuggled" in ran for ran in behind.ran) or len(behind.ran) > 1:
            failures.append(raw)
    assert refused > count // 2
    record(
        "R20",
        promised="A request with an ambiguous frame is refused, and nothing hidden in it runs",
        tried="lengths, encodings, hosts, line ends and chunks, mutated together; gateway and a Flask service",
        count=count,
        failures=failures,
    )


def _first(one: socket.socket) -> bytes:
    """Return what is answered until the gateway is done with it: it closes, or waits for more."""
    found = b""
    try:
        one.settimeout(0.15)
        while part := one.recv(65_536):
            found += part
    except (TimeoutError, ConnectionResetError):
        pass
    return found


FORGED = ["X-User", "X-User-Id", "X-Users", "X-Roles", "X-Role", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-User", "Forwarded", "X-Real-IP", "Decant-Service-Token", "Decant-Deadline-Ms", "X-Original-URL", "X-Rewrite-URL"]  # fmt: skip
OURS = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": "shop.test"}


def forged(chance: random.Random) -> list[str]:
    """Return header lines that try to say something about the client."""
    name = chance.choice(FORGED)
    ways = [
        name.lower,
        name.upper,
        name.swapcase,
        lambda: name.replace("-", "_"),
        lambda: name.replace("-", "_", 1),
        lambda: name.replace("-", "."),
        lambda: name.lower().replace("-", "_"),
    ]
    spelled = [chance.choice(ways)() for _ in range(chance.randint(1, 3))]
    lines = [f"{one}: {chance.choice(['forged', 'admin', 'forged, 127.0.0.1', ' forged '])}" for one in spelled]
    if chance.random() < 0.5:
        named = chance.choice(
            [name, "X-Forwarded-For", "X-Request-ID", "Host", "X-Kept", f"close, {name}", name.upper()]
        )
        lines.insert(chance.randrange(len(lines) + 1), f"Connection: {named}")
    hop = [
        "Keep-Alive: forged",
        "TE: forged",
        "Proxy-Authorization: forged",
        "Proxy-Connection: forged",
        "Upgrade: forged",
        "Trailer: forged",
    ]
    return lines + chance.sample(hop, chance.randint(0, 3))


def test_a_client_cannot_say_what_only_the_gateway_may() -> None:
    chance, count, failures = dice("R21"), trials(300), []
    with edge_running() as front:
        for _ in range(count):
            lines = forged(chance)
            front.service.requests.clear()
            status = status_of(front.ask("\r\n".join(["GET /p HTTP/1.1", "Host: shop.test", *lines, "", ""]).encode()))
            wrong = status != 200 or _forgery(front.service.requests[0])
            if wrong:
                failures.append((lines, status))
    record(
        "R21",
        promised="Services see only the gateway's own word on who asks",
        tried="names that only the gateway may set: upper and lower case, `_` and `.`, repeated, named by Connection",
        count=count,
        failures=failures,
    )


def _forgery(seen: Request) -> bool:
    if any("forged" in value or "admin" in value for _, value in seen.headers):
        return True
    return any(seen.values(name) != [value] for name, value in OURS.items())


class Guarded:
    """Lets nobody in to the protected paths; all else goes to the service."""

    def __init__(self, front: Front) -> None:
        self._forward = front.paths

    def route(self, head: Head) -> Forward | Answer:
        if head.path.rstrip("/") in PROTECTED:
            return Answer(401, (), b"")
        found = self._forward.route(head)
        assert isinstance(found, Forward)
        return found


def test_no_spelling_of_a_protected_path_gets_past_the_gateway() -> None:
    behind, failures, count = Confused(), [], 0
    with serving(behind) as url:  # type: ignore[arg-type]
        host, port = url.removeprefix("http://").split(":")
        with edge_running(addresses=(Address(host, int(port)),)) as front:
            front.gateway.edge.router = Guarded(front)
            for path in PROTECTED:
                for spelled in spellings(path):
                    count += 1
                    status = status_of(front.ask(f"GET {spelled} HTTP/1.1\r\nHost: shop.test\r\n\r\n".encode()))
                    if status not in (200, 400, 401) or behind.entered:
                        failures.append((spelled, status, list(behind.entered)))
                    behind.entered.clear()
            assert status_of(front.ask(b"GET /open HTTP/1.1\r\nHost: shop.test\r\n\r\n")) == 200
    record(
        "R22",
        promised="No spelling of a protected path reaches its handler unprotected",
        tried="45 encodings of each path, in front of a server that reads paths in every way that some server does",
        count=count,
        failures=failures,
    )


TOO_BIG = {
    "10,000 headers": (b"GET /p HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", 431),
    "a header of 10 MiB": (b"GET /p HTTP/1.1\r\nHost: a\r\nA: " + b"b" * (10 << 20) + b"\r\n\r\n", 431),
    "an address of 1 MiB": (b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a declared GiB": (b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n" + b"x" * (1 << 20), 413),
    "a GiB in chunks": (b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
}


def test_what_is_too_big_is_refused_before_it_takes_memory() -> None:
    each, failures = trials(20), []
    with edge_running() as behind, edge_process(behind.service.port) as edge:
        ok = b"GET /own HTTP/1.1\r\nHost: a\r\n\r\n"
        _send(edge.connect(), ok)
        before = edge.rss_bytes()
        for name, (raw, wanted) in TOO_BIG.items():
            for _ in range(each):
                status = status_of(_send(edge.connect(), raw, endless="chunks" in name))
                grown = edge.rss_bytes() - before
                if status not in (wanted, 0) or grown > 50 << 20 or status_of(_send(edge.connect(), ok)) != 200:
                    failures.append((name, status, grown))
        assert behind.service.requests == []
    record(
        "R23",
        promised="What is too big is answered 413, 414 or 431 before it takes memory, and the gateway goes on",
        tried=f"{', '.join(TOO_BIG)}; memory grows by less than 50 MB",
        count=each * len(TOO_BIG),
        failures=failures,
    )


def _send(one: socket.socket, raw: bytes, *, endless: bool = False) -> bytes:
    def send() -> None:
        try:
            one.sendall(raw)
            for _ in range(1024 if endless else 0):
                one.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        except OSError:
            pass

    with one:
        sender = threading.Thread(target=send)
        sender.start()
        one.settimeout(30)
        answer = b""
        try:
            while b"\r\n\r\n" not in answer:
                part = one.recv(65_536)
                if not part:
                    break
                answer += part
        except ConnectionResetError:
            pass
        if endless:
            read_all(one)
        else:
            one.shutdown(socket.SHUT_RDWR) if answer else None
        sender.join(30)
    return answer


TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEPT = [
    ([f"00-{TRACE}-{SPAN}-{flags}"], f"00-{TRACE}-{SPAN}-{out}")
    for flags, out in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("f0", "00")]
] + [([f"{version}-{TRACE}-{SPAN}-01{rest}"], f"00-{TRACE}-{SPAN}-01") for version in ("01", "cc", "fe") for rest in ("", "-what", "-")]  # fmt: skip
BEGUN = [
    [], [""], ["garbage"], [f"ff-{TRACE}-{SPAN}-01"], [f"0-{TRACE}-{SPAN}-01"], [f"000-{TRACE}-{SPAN}-01"], [f"0x-{TRACE}-{SPAN}-01"], [f"00-{TRACE}-{SPAN}-01-"], [f"00-{TRACE}-{SPAN}-01-x"],
    [f"00-{TRACE}-{SPAN}-1"], [f"00-{TRACE}-{SPAN}-001"], [f"00-{TRACE}-{SPAN}"], [f"00-{TRACE}-{SPAN}-0g"], [f"00-{'0' * 32}-{SPAN}-01"], [f"00-{TRACE}-{'0' * 16}-01"], [f"00-{TRACE[:-1]}-{SPAN}-01"],
    [f"00-{TRACE}0-{SPAN}-01"], [f"00-{TRACE}-{SPAN[:-1]}-01"], [f"00-{TRACE}-{SPAN}0-01"], [f"00-{TRACE.upper()}-{SPAN}-01"], [f"00-{TRACE}-{SPAN.upper()}-01"], [f"01-{TRACE}-{SPAN}-01.x"],
    [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"], [f"00-{TRACE}-{SPAN}-01", "garbage"], [f"00_{TRACE}_{SPAN}_01"],
]  # fmt: skip
STATES = [
    (["a=1"], "a=1"), (["a=1,b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"), (["a=1 , b=2"], "a=1,b=2"), (["a=1,,b=2"], "a=1,b=2"), ([""], ""), (["", "a=1"], "a=1"),
    (["a=1,a=2"], ""), (["a=1", "a=2"], ""), (["A=1"], ""), (["a =1"], ""), (["a=="], ""), (["a=1,b"], ""), (["a="], ""), (["0a=1"], "0a=1"), (["a@b=1"], "a@b=1"), (["a@B=1"], ""),
    ([f"{'k' * 256}=1"], f"{'k' * 256}=1"), ([f"{'k' * 257}=1"], ""), ([f"{'t' * 241}@{'s' * 14}=1"], f"{'t' * 241}@{'s' * 14}=1"), ([f"{'t' * 242}@v=1"], ""), ([f"t@{'v' * 15}=1"], ""),
    ([",".join(f"k{n}=1" for n in range(32))], ",".join(f"k{n}=1" for n in range(32))), ([",".join(f"k{n}=1" for n in range(33))], ""), ([f"a={'v' * 256}"], f"a={'v' * 256}"), ([f"a={'v' * 257}"], ""),
]  # fmt: skip


def test_traces_go_through_the_gateway_as_the_standard_says() -> None:
    failures: list[object] = []
    with edge_running() as front:
        for parents, wanted in KEPT:
            seen = _traced(front, parents, ["a=1"])
            if seen.values("traceparent") != [wanted] or seen.values("tracestate") != ["a=1"]:
                failures.append((parents, seen))
        for parents in BEGUN:
            seen = _traced(front, parents, ["a=1"])
            (parent,) = seen.values("traceparent")
            if TRACE in parent or len(parent) != 55 or seen.values("tracestate"):
                failures.append((parents, seen))
        for states, state in STATES:
            seen = _traced(front, [f"00-{TRACE}-{SPAN}-01"], states)
            if seen.values("traceparent") != [f"00-{TRACE}-{SPAN}-01"] or seen.values("tracestate") != (
                [state] if state else []
            ):
                failures.append((states, seen))
            assert parse_tracestate(state) == state
    record(
        "R34",
        promised="A trace goes through the gateway as W3C Trace Context says, levels 1 and 2",
        tried="sound and unsound traceparent and tracestate headers, one and several, of this version and newer ones",
        count=len(KEPT) + len(BEGUN) + len(STATES),
        failures=failures,
    )


def _traced(front: Front, parents: list[str], states: list[str]) -> Request:
    lines = [*(f"traceparent: {one}" for one in parents), *(f"tracestate: {one}" for one in states)]
    front.service.requests.clear()
    head = "\r\n".join(["GET /p HTTP/1.1", "Host: a", *lines, "", ""])
    assert status_of(front.ask(head.encode())) == 200
    return front.service.requests[0]
