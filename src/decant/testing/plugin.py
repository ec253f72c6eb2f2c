"""Pytest plugin: the same tests against one process, one through the codec, and real services.

It is found by itself where Decant is installed, and does nothing until a test uses one of its fixtures:

- ``topology``: what ``decant up`` has started, once for the session: addresses, processes to kill, logs;
- ``edge``: an HTTP client of its public address;
- ``signed_in``: makes clients of people who have an account, once the project's ``sign_in`` says how;
- ``scenario``: act, wait for what must come of it, and be told what was seen when it does not come;
- ``same_everywhere``: writes an answer down, to be compared between topologies at the end;
- ``decant_app`` and ``decant_client``: every module in the test's own process.

A project overrides ``workspace_folder``, ``topology_env`` and ``sign_in``. What a test runs against, its
``topology_variant``, is said by ``--topology``, ``--calls`` and ``--faults``, by ``@pytest.mark.topologies(...)`` or by
``topologies`` in pytest's settings; an option of the command line comes first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from decant.testing.answers import Answers
    from decant.testing.client import Client
    from decant.testing.running import RunningTopology
    from decant.testing.scenario import Scenario
    from decant.testing.variant import Variant

SignIn = Callable[["Client", str], Mapping[str, str]]
"""Signs somebody in by a client, and returns the headers that say who asks. The text is a name, one for each person."""

VARIANT = "topology_variant"
"""The fixture that is parametrised: all others follow it."""

_answers = pytest.StashKey["Answers"]()
_began = pytest.StashKey[datetime]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("decant", "Decant: the same tests in every topology")
    group.addoption(
        "--topology", action="append", metavar="NAME",
        help="Run against this topology, TOPOLOGY[/CALLS][+DATA]; may be given several times.",
    )  # fmt: skip
    group.addoption("--calls", choices=("direct", "strict"), help="How modules in one process call each other.")
    group.addoption("--faults", metavar="PROFILE", help="Put fault proxies between services: latency, flaky, chaos…")
    group.addoption("--faults-seed", type=int, default=0, metavar="N", help="The same seed, the same faults.")
    group.addoption(
        "--topology-diff", action="store_true",
        help="Compare with the answers of earlier runs, too, and not only of this one.",
    )  # fmt: skip
    parser.addini("topologies", "What tests run against without --topology.", type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "topologies(*names): what the test runs against, for instance 'monolith/strict', 'services'"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if VARIANT in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--topology")
        marker = metafunc.definition.get_closest_marker("topologies")
        named = chosen or (marker.args if marker else None) or metafunc.config.getini("topologies") or [""]
        metafunc.parametrize(VARIANT, [_param(metafunc.config, one) for one in named], indirect=True, scope="session")


def _param(config: pytest.Config, named: Any) -> Any:
    """Return a variant as a parameter; ``pytest.param("services", marks=...)`` keeps its marks."""
    from decant.errors import SetupError
    from decant.testing.variant import Variant

    marks = getattr(named, "marks", ())
    text = named.values[0] if hasattr(named, "values") else named
    option = config.getoption
    try:
        variant = Variant.parse(text).completed(
            calls=option("--calls") or "", faults=option("--faults") or "", seed=option("--faults-seed")
        )
    except SetupError as error:
        raise pytest.UsageError(str(error)) from error
    return pytest.param(variant, marks=marks, id=str(variant))


@pytest.fixture(scope="session")
def topology_variant(request: pytest.FixtureRequest) -> Variant:
    """What this test runs against."""
    chosen: Variant = request.param
    return chosen


@pytest.fixture(scope="session")
def workspace_folder(pytestconfig: pytest.Config) -> Path:
    """The folder of ``decant.toml``: the nearest one, from where pytest was called. Override it to name another."""
    from decant.topology import find_workspace

    found = find_workspace(pytestconfig.invocation_params.dir) or find_workspace(pytestconfig.rootpath)
    if found is None:
        _stop("There is no decant.toml here or in a folder above. Override the fixture workspace_folder.")
    return found.parent


@pytest.fixture(scope="session")
def topology_env() -> Mapping[str, str]:
    """What is added to the environment of the processes. Override it; ``topology_variant`` says for which run."""
    return {}


@pytest.fixture(scope="session")
def topology(
    topology_variant: Variant,
    workspace_folder: Path,
    topology_env: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningTopology]:
    """What ``decant up`` has started, for all tests of the session that run against the same."""
    from decant.errors import SetupError
    from decant.testing.command import CommandFailedError
    from decant.testing.running import run_topology

    home = tmp_path_factory.mktemp("decant")
    try:
        with run_topology(workspace_folder, home, topology_variant, env=topology_env) as running:
            yield running
    except SetupError as error:
        _stop(str(error))
    except CommandFailedError as error:
        pytest.fail(f"{topology_variant} does not start: {error}", pytrace=False)


@pytest.fixture
def edge(topology: RunningTopology) -> Client:
    """A client of the public address, without cookies at first."""
    from decant.testing.client import Client

    return Client(topology.edge)


@pytest.fixture(scope="session")
def sign_in() -> SignIn:
    """Say how somebody signs in: override it with a function of a client and a name that returns headers."""
    raise pytest.UsageError(
        "signed_in does not know how people sign in here. Say it in conftest.py: a session fixture `sign_in` that "
        "returns a function (client, name) -> headers, for instance {'Authorization': 'Bearer …'}."
    )


@pytest.fixture
def signed_in(edge: Client, sign_in: SignIn) -> Callable[..., Client]:
    """Return clients of people: ``signed_in("ada")`` is the same one within a test."""
    people: dict[str, Client] = {}

    def client(name: str = "somebody") -> Client:
        if name not in people:
            people[name] = edge.with_headers(sign_in(edge, name))
        return people[name]

    return client


@pytest.fixture
def scenario(topology: RunningTopology) -> Scenario:
    """Act, wait for a condition, and say what was seen on the way."""
    from decant.testing.scenario import Scenario

    began = datetime.now(UTC)
    return Scenario(lambda: topology.circumstances(began))


@pytest.fixture
def same_everywhere(request: pytest.FixtureRequest, topology_variant: Variant) -> Callable[..., None]:
    """Write an answer down by a name: ``same_everywhere("an order", response)``. Differences fail the session.

    Answers under faults are left out: a fault may well become an answer of its own.
    """
    from decant.testing.answers import record

    config, mark = request.config, str(topology_variant)
    test = request.node.nodeid.replace(mark, "*").replace("[*]", "")

    def note(name: str, response: Any, **options: Any) -> None:
        if not topology_variant.faults:
            _written(config).add(mark, f"{test}: {name}", record(response, **options))

    return note


@pytest.fixture
def decant_app(topology_variant: Variant, workspace_folder: Path, tmp_path: Path) -> Iterator[Flask]:
    """Every module of the workspace in this process, migrated and seeded; ``--calls`` says how they call each other."""
    from decant.testing.process import in_process

    with in_process(workspace_folder, tmp_path / "decant", calls=topology_variant.calls, env=dict(os.environ)) as app:
        yield app


@pytest.fixture
def decant_client(decant_app: Flask) -> FlaskClient:
    """Flask's test client of :func:`decant_app`."""
    return decant_app.test_client()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[_began] = datetime.now(UTC)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Add to a failed test's report what the services wrote while it ran."""
    report = yield
    running: Any = getattr(item, "funcargs", {}).get("topology")
    if running is not None and report.when == "call" and report.failed and hasattr(running, "circumstances"):
        report.sections.append((f"services of {running.variant}", _circumstances(running, item)))
    return report


def _circumstances(running: RunningTopology, item: pytest.Item) -> str:
    try:
        return running.circumstances(item.stash[_began])
    except KeyboardInterrupt:  # here it would look like a bug of pytest's
        item.session.shouldstop = "interrupted while a failed test was told of"
        return "interrupted"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the answers, and fail the session when they differ."""
    answers = session.config.stash.get(_answers, None)
    if answers is not None:
        answers.save()
    if session.exitstatus == pytest.ExitCode.OK and _differences(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what differs between topologies, by test and field."""
    found = _differences(config)
    if found:
        terminalreporter.section(f"{len(found)} answers that are not the same in every topology", red=True)
        for one in found:
            terminalreporter.write_line(str(one))


def _differences(config: pytest.Config) -> list[Any]:
    earlier = config.getoption("--topology-diff")
    answers = _written(config) if earlier else config.stash.get(_answers, None)
    if answers is None:
        return []
    from decant.testing.answers import differences

    return list(differences(answers.with_saved() if earlier else answers.found))


def _written(config: pytest.Config) -> Answers:
    if _answers not in config.stash:
        from decant.testing.answers import Answers

        cache = getattr(config, "cache", None)
        config.stash[_answers] = Answers(Path(cache.mkdir("decant-answers")) if cache is not None else None)
    return config.stash[_answers]


def _stop(why: str) -> NoReturn:
    """End the session with one clear error in place of one for each test."""
    pytest.exit(why, returncode=pytest.ExitCode.USAGE_ERROR)
