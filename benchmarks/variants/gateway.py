"""The gateway beside what else could stand there: ``make bench ARGS=gateway``; needs ``wrk``; ``nginx`` where it is.

Each front is a process on one processor, the load and the service on another (Linux). The service is 20 lines on
uvloop, so that the front is what costs. What counts is the front's own CPU time for a request: requests a second depend
on what else the machine does. The raw proxy parses both ways with httptools, checks nothing, and is the floor for any
front in Python.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from decant.gateway.base import Address, Forward, Head, State, Upstream
from decant.gateway.run import GatewayOptions, command
from decant.serving.ports import free_port
from decant.serving.process import MALLOC

ROOT = Path(__file__).parents[2]
SECONDS, CONNECTIONS = 3, 16
LEAST_CPU_S = 0.02
BODY = b'{"id": "p1", "name": "Lamp", "price_cents": 3900, "stock": 5, "ok": true }'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
HEADERS = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: application/json",
    "Accept-Language: en-US,en;q=0.5",
    "Accept-Encoding: gzip, deflate, br",
    f"Authorization: Bearer {'x' * 220}",
    "Cookie: session=0123456789abcdef; theme=dark",
    "Referer: http://127.0.0.1/products",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "Cache-Control: no-cache",
    "DNT: 1",
]


class _Service(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self.transport.write(ANSWER)


class _RawClient(asyncio.Protocol):
    """Passes on what llhttp says, over one connection of its own."""

    def __init__(self, port: int) -> None:
        import httptools

        self.port, self.other, self.parts = port, None, []
        self.parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.parts = [b"%b %b HTTP/1.1\r\n" % (self.parser.get_method(), url)]

    def on_header(self, name: bytes, value: bytes) -> None:
        self.parts.append(b"%b: %b\r\n" % (name, value))

    def on_message_complete(self) -> None:
        data = b"".join([*self.parts, b"\r\n"])
        if self.other is None:
            asyncio.get_running_loop().create_task(self.connect(data))
        else:
            self.other.transport.write(data)

    async def connect(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, self.other = await loop.create_connection(lambda: _RawService(self), "127.0.0.1", self.port)
        self.other.transport.write(data)


class _RawService(asyncio.Protocol):
    def __init__(self, client: _RawClient) -> None:
        import httptools

        self.client, self.parts = client, []
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.parts = [b"HTTP/1.1 200 OK\r\n"]

    def on_header(self, name: bytes, value: bytes) -> None:
        self.parts.append(b"%b: %b\r\n" % (name, value))

    def on_headers_complete(self) -> None:
        self.parts.append(b"\r\n")

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        self.client.transport.write(b"".join(self.parts))


class _Route:
    def __init__(self, upstream: Upstream) -> None:
        self.forward = Forward(upstream, 5.0, 1 << 20, "/products/<product_id>")

    def route(self, head: Head) -> Forward:
        return self.forward


def one_route(state: State, options: GatewayOptions) -> _Route:
    """Make routes that lead to one port."""
    return _Route(Upstream("catalog", [Address("127.0.0.1", int(options.routes))]))


def naive(service: str) -> Any:
    """Return the gateway of the tutorials: Flask and ``requests.request``."""
    import requests
    from flask import Flask, Response, request

    app = Flask("naive")

    @app.route("/<path:path>")
    def forward(path: str) -> Response:
        headers = {name: value for name, value in request.headers if name != "Host"}
        found = requests.request(
            request.method, f"{service}/{path}", headers=headers, data=request.get_data(), timeout=5
        )
        kept = {
            name: value
            for name, value in found.headers.items()
            if name.lower() not in ("connection", "transfer-encoding")
        }
        return Response(found.content, found.status_code, kept)

    return app


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.variants.gateway", *arguments]


def _gateway(access_log: bool) -> Callable[[int, int, Path], list[str]]:
    def line(port: int, service: int, _: Path) -> list[str]:
        options = GatewayOptions(port=port, access_log=access_log, routes=str(service))
        return command("benchmarks.variants.gateway:one_route", options)

    return line


def _naive(port: int, service: int, _: Path) -> list[str]:
    app = f"benchmarks.variants.gateway:naive('http://127.0.0.1:{service}')"
    gunicorn = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "16", "--keep-alive", "300"]
    return [*gunicorn, "--bind", f"127.0.0.1:{port}", app]


def _nginx(port: int, service: int, folder: Path) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; upstream one {{ server 127.0.0.1:{service}; keepalive 256; }}\n"
        f"server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000; location / {{ proxy_pass http://one;\n"
        'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; } } }\n'
    )
    return ["nginx", "-p", str(folder), "-c", str(config)]


FRONTS: dict[str, Callable[[int, int, Path], list[str]]] = {
    "nginx, `proxy_pass` with kept connections": _nginx,
    "raw proxy on uvloop and httptools, nothing checked": lambda port, service, _: _python(
        "raw", str(port), str(service)
    ),
    "**gateway**": _gateway(access_log=False),
    "gateway with an access line for each request": _gateway(access_log=True),
    "Flask and `requests` on gunicorn, 16 threads": _naive,
}


@contextmanager
def _running(argv: Sequence[str], port: int) -> Iterator[int]:
    """Run a front, pinned where that is possible; the block gets its pid."""
    environ = {**os.environ, **MALLOC, "PYTHONPATH": str(ROOT), "DECANT_LOG_FORMAT": "json"}
    process = subprocess.Popen(
        [*_pinned(1), *argv], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{argv[:3]} does not listen") from None
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _pinned(processor: int) -> list[str]:
    return ["taskset", "-c", str(processor)] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children."""
    pids = [pid]
    for one in pids:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            pids += [int(child) for child in children.read_text().split()]
    threads = [thread for one in pids for thread in Path(f"/proc/{one}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _load(port: int) -> tuple[int, float]:
    """Return requests answered, and how many a second."""
    given = [part for header in HEADERS for part in ("-H", header)]
    argv = [
        "wrk",
        "-t1",
        "--timeout",
        "30s",
        f"-c{CONNECTIONS}",
        f"-d{SECONDS}",
        *given,
        f"http://127.0.0.1:{port}/products/p1",
    ]
    said = subprocess.run([*_pinned(0), *argv], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    count = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert count is not None
    assert rate is not None
    return int(count[1]), float(rate[1])


def report(rounds: int) -> bool:
    """Measure and print; return whether the bars are reached."""
    if shutil.which("wrk") is None:
        print("\n### Gateway\n\nnot measured: it needs wrk (apt-get install wrk)")
        return True
    names = [name for name in FRONTS if not name.startswith("nginx") or shutil.which("nginx")]
    costs: dict[str, list[float]] = {name: [] for name in names}
    rates: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="decant-")))
        service = free_port()
        stack.enter_context(_running([*_pinned(0), *_python("service", str(service))], service))
        fronts = {}
        for name in names:
            port = free_port()
            fronts[name] = port, stack.enter_context(_running(FRONTS[name](port, service, folder), port))
            _load(port)  # connections are made, and counters for each route
        for _ in range(rounds):
            for name, (port, pid) in fronts.items():
                before = _cpu_seconds(pid)
                count, rate = _load(port)
                spent = _cpu_seconds(pid) - before
                if spent >= LEAST_CPU_S:  # else the machine had none to give
                    costs[name].append(spent / count * 1e6)
                    rates[name].append(rate)
    return _print(names, costs, rates)


def _print(names: Sequence[str], costs: dict[str, list[float]], rates: dict[str, list[float]]) -> bool:
    if not all(costs.values()):
        print(f"\n### Gateway\n\nnot measured: {[name for name in names if not costs[name]]} got no time")
        return False
    best = {name: min(costs[name]) for name in names}
    print(f"\n### Gateway: a small answer, 11 request headers, {CONNECTIONS} connections\n")
    print("| front | CPU µs a request | x raw | requests/s (median, best) |\n| --- | --- | --- | --- |")
    raw, ours, flask = (next(name for name in names if part in name) for part in ("raw", "**gateway**", "Flask"))
    for name in names:
        rate = f"{median(rates[name]):,.0f}, {max(rates[name]):,.0f}"
        print(f"| {name} | {best[name]:.1f} | {best[name] / best[raw]:.2f} | {rate} |")
    near, far = best[ours] / best[raw], best[flask] / best[ours]
    print(f"\n{far:.0f} x less than Flask and `requests` (bar ≥ 20); {near:.2f} x the raw proxy (bar ≤ 2.5)")
    return far >= 20 and near <= 2.5


async def _listen(make: Callable[[], asyncio.Protocol], port: int) -> None:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    role, own, *rest = sys.argv[1:]
    makers: dict[str, Callable[[], asyncio.Protocol]] = {
        "service": _Service,
        "raw": lambda: _RawClient(int(rest[0])),
    }
    uvloop.run(_listen(makers[role], int(own)))
