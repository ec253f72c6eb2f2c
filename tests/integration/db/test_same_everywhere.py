"""The same work leaves the same database behind, whether modules run together or apart, on every kind of database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, insert, select
from werkzeug.serving import WSGIRequestHandler, make_server

from decant import Module
from decant.db import ModuleDatabase, create_infrastructure
from decant.rpc import Target
from decant.service import runtime_of
from decant.service.factory import assemble
from decant.service.plan import CallMode, Plan
from decant.service.settings import load_settings
from decant.settings import read_sources
from tests.support.bank import SCENARIOS, accounts, ledger, transfers
from tests.support.bank.programs import (
    ALWAYS,
    LOST,
    MODELS,
    Add,
    Call,
    Fail,
    Model,
    Player,
    Work,
    keyed_works,
    outcome_of,
    works,
)

EXAMPLES = {"sqlite": 40, "postgresql": 15, "mysql": 15}
"""How many runs, by the kind of database."""


class KeepAlive(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        pass


@contextmanager
def serving(app: Callable[..., Any]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=KeepAlive)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@dataclass
class World:
    """The bank's services, and what their databases hold."""

    apps: dict[str, Flask]

    def __post_init__(self) -> None:
        self._databases = {name: runtime_of(app).databases[name] for name, app in self.apps.items()}
        self._clients = {name: app.test_client() for name, app in self.apps.items()}
        for name, database in self._databases.items():
            MODELS[name][0].metadata.create_all(database.engine)
            with database.engine.begin() as connection:
                create_infrastructure(connection, name)

    def do(self, work: Work) -> tuple[str, Any]:
        return outcome_of(self._clients[work.module].open(work.path, method=work.method))

    def charge(self, work: Work, key: str) -> tuple[str, Any]:
        """Do the ledger's work under an idempotency key."""
        return outcome_of(self._clients["ledger"].post(f"/ledger/charge/{work.name}", headers={"Idempotency-Key": key}))

    def rows(self) -> dict[str, dict[int, int]]:
        return {name: _rows(name, database) for name, database in self._databases.items()}

    def empty(self) -> None:
        for name, database in self._databases.items():
            model, column = MODELS[name]
            with database.transaction() as session:
                session.execute(delete(model))
                session.execute(insert(model).values({"id": ALWAYS, column: 0}))


def _rows(name: str, database: ModuleDatabase) -> dict[int, int]:
    model, column = MODELS[name]
    with database.transaction() as session:
        return {row.id: row[1] for row in session.execute(select(model.id, getattr(model, column)))}


def service(name: str, hosted: list[Module], home: Path, url: str, mode: CallMode, **elsewhere: Any) -> Flask:
    """Return the application of one service of the bank's topology."""
    # By default each module has an SQLite file of its own: in one file, a lock that is held during a call blocks all.
    environ = {} if url.startswith("sqlite") else {"DATABASE_URL": url}
    sources = read_sources({**environ, "DECANT_HOME": str(home)}, home)
    away = {module: Target(name, url) for module, (name, url) in elsewhere.get("elsewhere", {}).items()}
    plan = Plan(name, hosted, load_settings(hosted, sources), elsewhere=away, mode=mode, home=home)
    return assemble(Flask(name, root_path=str(home)), plan)


@contextmanager
def together(home: Path, url: str, mode: CallMode) -> Iterator[World]:
    app = service("bank", [accounts.module, transfers.module, ledger.module], home, url, mode)
    yield World(dict.fromkeys(MODELS, app))
    runtime_of(app).stop(1)


@contextmanager
def apart(home: Path, url: str) -> Iterator[World]:
    """Ledger and accounts in one service, transfers in the other: calls cross both ways, and some do not."""
    apps: dict[str, Flask] = {}
    with ExitStack() as stack:
        front = stack.enter_context(serving(lambda *request: apps["front"](*request)))
        back = stack.enter_context(serving(lambda *request: apps["back"](*request)))
        apps["front"] = service(
            "front",
            [accounts.module, ledger.module],
            home,
            url,
            "direct",
            elsewhere={transfers.module: ("back", back)},
        )
        apps["back"] = service(
            "back",
            [transfers.module],
            home,
            url,
            "direct",
            elsewhere={accounts.module: ("front", front), ledger.module: ("front", front)},
        )
        yield World({"accounts": apps["front"], "ledger": apps["front"], "transfers": apps["back"]})
        for app in apps.values():
            runtime_of(app).stop(1)


@pytest.fixture(params=["direct", "strict", "remote"])
def world(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Iterator[World]:
    kind = together(tmp_path, url, request.param) if request.param != "remote" else apart(tmp_path, url)
    with kind as made:
        yield made
    SCENARIOS.clear()


def machine_for(world: World) -> type[RuleBasedStateMachine]:
    class Machine(RuleBasedStateMachine):
        """Work is done on the real thing and by the model; after each, both hold the same rows."""

        @initialize()
        def start(self) -> None:
            world.empty()
            self.model, self.player = Model(), Player()

        @rule(work=works)
        def do(self, work: Work) -> None:
            self.player.prepare(work)
            assert world.do(work) == self.model.run(work)

        @rule(work=keyed_works)
        def do_and_repeat(self, work: Work) -> None:
            key, before = uuid4().hex, None
            for _ in range(3):  # a client that does not believe the answers
                self.player.prepare(work)
                expected = before or self.model.run(work, keyed=True)
                assert world.charge(work, key) == expected
                if expected[0] == "done":
                    before = expected
                elif self.model.committed:
                    before = LOST  # any other failure has left nothing, and is tried again

        @invariant()
        def holds_what_the_model_says(self) -> None:
            assert world.rows() == self.model.rows

    return Machine


def test_work_means_the_same_together_and_apart(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decant.contracts.restart.FIRST_PAUSE_S", 0)
    examples = EXAMPLES[url.partition(":")[0].partition("+")[0]]
    run_state_machine_as_test(
        machine_for(world),
        settings=settings(max_examples=examples, stateful_step_count=12, suppress_health_check=list(HealthCheck)),
    )


@pytest.mark.parametrize("how", ["crash", "refused", "at commit"])
def test_a_failure_two_calls_away_arrives_as_the_same_kind(world: World, how: Any) -> None:
    deepest = Work("accounts", False, (Add(ALWAYS, 5, "core"), Fail(how)))
    between = Work("transfers", False, (Call(deepest, "nothing"),))
    work = Work("ledger", False, (Call(between, "nothing"),))
    world.empty()
    model, player = Model(), Player()
    player.prepare(work)
    assert world.do(work) == model.run(work)
    assert world.rows() == model.rows
