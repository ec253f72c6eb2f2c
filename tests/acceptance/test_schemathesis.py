"""Schemathesis, with all its checks, finds nothing on the book club: in process, and over HTTP as one process and two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from decant import create_app
from decant.service import runtime_of
from tests.acceptance.running import BOOKCLUB, copy_workspace, prepare, running

QUIET = list(HealthCheck)
OPERATIONS = {
    "books": ["GET /api/books", "POST /api/books", "GET /api/books/{book_id}"],
    "reviews": ["GET /api/books/{book_id}/reviews", "POST /api/books/{book_id}/reviews"],
}
EVERY = [operation for operations in OPERATIONS.values() for operation in operations]
SERVED = [("bookclub", operation) for operation in EVERY] + [
    (service, operation) for service, operations in OPERATIONS.items() for operation in operations
]

load_all_checks()


def config() -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {"generation": {"mode": "all", "deterministic": True}, "checks": {"enabled": True}}
    )


def search(
    schema: Any,
    label: str,
    examples: int,
    headers: Callable[[], dict[str, str]] = dict,
    *,
    allowed: Callable[[Any], bool] = lambda case: True,
) -> None:
    """Try one operation of a schema with many requests, well-formed and not.

    Args:
        schema: What the operation belongs to.
        label: Its method and path.
        examples: How many requests.
        headers: Returns those of each request.
        allowed: Whether a request is one to try.
    """
    method, path = label.split()

    cases = st.one_of(schema[path][method].as_strategy(generation_mode=mode) for mode in GenerationMode)

    @given(case=cases)
    @settings(max_examples=examples, deadline=None, suppress_health_check=QUIET, derandomize=True, database=None)
    def find(case: Any) -> None:
        assume(allowed(case))
        case.call_and_validate(checks=CHECKS.get_all(), headers=headers())

    find()


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    workspace = copy_workspace(BOOKCLUB, tmp_path_factory.mktemp("club") / "club", "monolith")
    app = create_app(config=workspace / "decant.toml", environ={"DECANT_ENV": "production"})
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    yield schemathesis.openapi.from_wsgi("/openapi.json", app, config=config())
    runtime.stop(1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    urls: dict[str, str] = {}
    with ExitStack() as stack:
        for topology, services in {"monolith": ["bookclub"], "services": list(OPERATIONS)}.items():
            workspace = copy_workspace(BOOKCLUB, tmp_path_factory.mktemp("club") / topology, topology)
            prepare(workspace)
            urls |= stack.enter_context(running(workspace, services, topology=topology)).urls
        yield {
            name: schemathesis.openapi.from_url(f"{url}/openapi.json", config=config()) for name, url in urls.items()
        }


@pytest.mark.parametrize("operation", EVERY)
def test_schemathesis_finds_nothing_in_process(in_process: Any, operation: str) -> None:
    search(in_process, operation, 40)


@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_schemathesis_finds_nothing_over_http(served: dict[str, Any], service: str, operation: str) -> None:
    search(served[service], operation, 15)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("service", "operation"), SERVED)
def test_schemathesis_finds_nothing_over_http_when_it_searches_longer(
    served: dict[str, Any], service: str, operation: str
) -> None:
    search(served[service], operation, 300)


def test_every_operation_of_the_document_is_searched(in_process: Any) -> None:
    found = [operation.ok().label for operation in in_process.get_all_operations()]
    assert sorted(label for label in found if "/api/" in label) == sorted(EVERY)
    assert [label for label in found if "/api/" not in label] == []
