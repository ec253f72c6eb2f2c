"""A call to a service in another process: ``python -m benchmarks.variants.rpc`` prints one run as JSON.

The contract's call carries everything: deadline, trace, request id, the user's token, baggage, a service token, policy,
and models in and out. What it is compared to asks the same operation of the same server with a token that is ready and
leaves the JSON as it is. The client has one processor and the server another; variants are timed in turns, in blocks.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.shop import free_port, wait_for

FOLDER = Path(__file__).parents[1] / "remote"
CALLS, BLOCKS = 200, 15
RAW_BAR, REQUESTS_BAR = 1.35, 0.45
LINES = [{"product_id": f"p{n}", "qty": n} for n in (1, 2, 3)]

Call = Callable[[], object]
P50s = dict[str, dict[str, list[float]]]
"""By operation and variant: the median of each block, in microseconds."""

VARIANTS = {
    "contract": "the contract's call: context, token, policy, models",
    "raw": "`pyreqwest` by hand, with a token that is ready; JSON as it is",
    "raw_headers": "the same with all headers that the contract's call sends",
    "http_client": "the transport for gevent by hand, with a token that is ready",
    "requests": "`requests.Session`, with a token that is ready",
}
OPERATIONS = {"get": "GET of one", "post": "POST of three lines", "list": "GET of 50"}


def report(rounds: int) -> bool:
    """Measure, print the table, and return whether every bar is reached."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.variants.rpc", str(max(BLOCKS, rounds))],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The calls between processes failed:\n{done.stderr}")
    measured: P50s = json.loads(done.stdout.splitlines()[-1])
    print("\n### A call between modules in two processes\n")
    print("| operation | variant | p50 µs | x contract | bar |\n| --- | --- | --- | --- | --- |")
    reached = [_rows(operation, by_variant) for operation, by_variant in measured.items()]
    return all(reached)


def _rows(operation: str, by_variant: dict[str, list[float]]) -> bool:
    reached = True
    for variant, blocks in by_variant.items():
        ratio = statistics.median(own / one for own, one in zip(by_variant["contract"], blocks, strict=True))
        bar = {"raw": RAW_BAR, "requests": REQUESTS_BAR}.get(variant)
        said = ""
        if bar is not None:
            reached = reached and ratio <= bar
            said = f"contract {ratio:.2f} x this (bar ≤ {bar:g}): {'reached' if ratio <= bar else '**missed**'}"
        p50 = statistics.median(blocks)
        print(f"| {OPERATIONS[operation]} | {VARIANTS[variant]} | {p50:.0f} | {1 / ratio:.2f} | {said} |", flush=True)
    return reached


@contextmanager
def server(environ: Mapping[str, str], port: int, cpu: int) -> Iterator[None]:
    """Serve the called service on a processor of its own; its log goes nowhere."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from decant.cli import main; main()",
            "serve",
            "catalog",
            "--bind",
            f"127.0.0.1:{port}",
        ],
        cwd=FOLDER,
        env=environ,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}),  # noqa: PLW1509 - nothing runs beside it
    )
    try:
        wait_for(port, process, "/health/ready", Path(os.devnull))
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def calls(url: str, environ: Mapping[str, str]) -> dict[str, dict[str, Call]]:
    """Return what is timed, by operation and variant."""
    from decant.service import create_app, runtime_of

    runtime = runtime_of(create_app("front", config=FOLDER / "decant.toml", environ=environ))
    from remote.catalog.api import Catalog, Line

    catalog: Any = runtime.client(Catalog)
    lines = [Line.model_validate(line) for line in LINES]
    token = _token(environ["DECANT_SERVICE_KEY"])
    body = json.dumps({"order_id": "o1", "lines": LINES}).encode()
    requests = {
        "get": ("GET", f"{url}/products/p1", None),
        "post": ("POST", f"{url}/reservations", body),
        "list": ("GET", f"{url}/products", None),
    }
    contract: dict[str, Call] = {
        "get": lambda: catalog.get_product("p1"),
        "post": lambda: catalog.reserve("o1", lines),
        "list": catalog.list_products,
    }
    senders = _senders(token)
    return {
        operation: {"contract": contract[operation], **{name: make(*asked) for name, make in senders.items()}}
        for operation, asked in requests.items()
    }


def _token(key: str) -> str:
    from decant.auth import ServiceTokens, parse_key

    return ServiceTokens(parse_key(key), "front").issue("catalog")


def _senders(token: str) -> dict[str, Callable[[str, str, bytes | None], Call]]:
    import requests
    from pyreqwest.client import SyncClientBuilder

    from decant.rpc.transports import transport_named

    client, session, plain = (
        SyncClientBuilder().http1_only().build(),
        requests.Session(),
        transport_named("http.client"),
    )
    few = {"Decant-Service-Token": token, "Content-Type": "application/json"}
    many = {
        **few,
        "Accept": "application/json",
        "Decant-Deadline-Ms": "9999",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X-Request-ID": "0af7651916cd43dd8448eb211c80319c",
        "Authorization": "Bearer " + "x" * 300,
        "baggage": "tenant=acme",
    }

    def raw(headers: dict[str, str]) -> Callable[[str, str, bytes | None], Call]:
        def make(method: str, url: str, body: bytes | None) -> Call:
            def call() -> object:
                request = client.request(method, url).headers(headers)
                if body is not None:
                    request = request.body_bytes(body)
                return request.build().send().json()

            return call

        return make

    return {
        "raw": raw(few),
        "raw_headers": raw(many),
        "http_client": lambda method, url, body: (
            lambda: json.loads(plain.send(method, url, few, body, timeout_s=10).body)
        ),
        "requests": lambda method, url, body: lambda: session.request(method, url, data=body, headers=few).json(),
    }


def measure(made: dict[str, dict[str, Call]], blocks: int) -> P50s:
    """Time every variant of every operation, in turns."""
    from decant.context import CallContext, use

    context = CallContext(
        deadline=time.monotonic() + 3600,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        span_id="b7ad6b7169203331",
        request_id="0af7651916cd43dd8448eb211c80319c",
        authorization="Bearer " + "x" * 300,
        baggage={"tenant": "acme"},
    )
    taken: P50s = {operation: {variant: [] for variant in variants} for operation, variants in made.items()}
    with use(context):
        for operation, variants in made.items():
            for _ in range(blocks):
                for variant, call in variants.items():
                    taken[operation][variant].append(_p50(call))
    return taken


def _p50(call: Call) -> float:
    for _ in range(20):
        call()
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def main(blocks: int) -> None:
    from decant.auth import generate_key

    own, other = sorted(os.sched_getaffinity(0))[:2]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DECANT_", "OTEL_"))},
            "DECANT_ENV": "production",
            "DECANT_HOME": home,
            "DECANT_SERVICE_KEY": generate_key(),
            "CATALOG_SERVICE_URL": url,
        }
        with server(environ, port, other):
            os.sched_setaffinity(0, {own})
            made = calls(url, environ)
            print(json.dumps(measure(made, blocks)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
