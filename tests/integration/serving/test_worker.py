"""Background work apart from the web server: real processes, and each piece of work done once by one of them."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from decant.serving.ports import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.serving
DECANT = [sys.executable, "-c", "from decant.cli import main; main()"]
POST = Path(__file__).parents[2] / "support" / "post"
LONG_S = 40.0


class Office:
    """The workspace in a folder of its own, and the processes that run for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ink = root / "ink"
        self.port = free_port()
        self.started: list[subprocess.Popen[bytes]] = []
        self.logs: dict[int, Path] = {}
        shutil.copytree(POST, root / "post-office", ignore=shutil.ignore_patterns("__pycache__"))
        self.ink.mkdir()

    def run(self, *words: str) -> subprocess.Popen[bytes]:
        log = self.root / f"{len(self.started)}.log"
        environ = {**os.environ, "POST_INK": str(self.ink), "DECANT_LOG_LEVEL": "INFO"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*DECANT, *words], cwd=self.root / "post-office", env=environ, stdout=output, stderr=output,
                process_group=0,
            )  # fmt: skip
        self.started.append(process)
        self.logs[process.pid] = log
        return process

    def finish(self, *words: str) -> tuple[int, str]:
        process = self.run(*words)
        code = process.wait(LONG_S)
        return code, self.logs[process.pid].read_text()

    def serve(self) -> subprocess.Popen[bytes]:
        process = self.run("serve", "--no-background", "--bind", f"127.0.0.1:{self.port}")
        wait_until(lambda: self.ask("/health/ready")[0] == 200, within_s=LONG_S, what="the web process")
        return process

    def work(self, *options: str) -> subprocess.Popen[bytes]:
        process = self.run("worker", *options)

        def says_so() -> bool:
            log = self.logs[process.pid].read_text()
            assert process.poll() is None, log
            return "working for" in log

        wait_until(says_so, within_s=LONG_S, what="the worker")
        return process

    def ask(self, path: str, method: str = "GET", port: int | None = None) -> tuple[int, Any]:
        with closing(http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if answer.headers.get_content_type() == "application/json" else body

    def send(self, *numbers: int) -> None:
        for number in numbers:
            status, said = self.ask(f"/letters/{number}", "POST")
            assert status < 300, said

    def letters(self) -> list[dict[str, int]]:
        found: list[dict[str, int]] = self.ask("/letters")[1]
        return found

    def wait_until_done(self) -> list[dict[str, int]]:
        def done() -> bool:
            return all(letter["handled"] and letter["stamped"] for letter in self.letters())

        wait_until(done, within_s=LONG_S, what="every letter to be handled and stamped")
        return self.letters()

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    assert made.finish("db", "upgrade")[0] == 0
    yield made
    made.end()


def done_by(letters: list[dict[str, int]]) -> set[int]:
    return {letter[who] for letter in letters for who in ("handled_by", "stamped_by")}


def test_a_web_process_without_background_leaves_the_work_to_a_worker(office: Office) -> None:
    office.serve()
    worker = office.work()
    office.send(*range(10))
    assert done_by(office.wait_until_done()) == {worker.pid}


@pytest.mark.slow
def test_several_workers_do_everything_once_though_one_is_killed(office: Office) -> None:
    office.serve()
    workers = [office.work() for _ in range(3)]
    office.send(*range(20))
    workers[0].kill()
    office.send(*range(20, 40))
    letters = office.wait_until_done()
    assert {(letter["handled"], letter["stamped"]) for letter in letters} == {(1, 1)}
    assert done_by(letters) <= {worker.pid for worker in workers}


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_hands_over_what_it_cannot_finish(office: Office) -> None:
    office.serve()
    first = office.work("--grace", "0.5")
    (office.ink / f"missing-{first.pid}").touch()
    office.send(1)
    wait_until((office.ink / "waiting-1").exists, within_s=LONG_S, what="the first worker to begin")
    second = office.work()
    first.send_signal(signal.SIGTERM)
    assert first.wait(LONG_S) == 0
    (letter,) = office.wait_until_done()
    assert (letter["stamped"], letter["stamped_by"]) == (1, second.pid)


def test_a_worker_tells_its_health_and_nothing_else(office: Office) -> None:
    port = free_port()
    worker = office.work("--health", str(port))
    assert [office.ask(path, port=port)[0] for path in ("/health", "/health/live", "/health/ready")] == [200] * 3
    status, metrics = office.ask("/metrics", port=port)
    assert status == 200
    assert b"decant_" in metrics
    assert office.ask("/letters", port=port)[0] == 404
    code, said = office.finish("worker", "--health", f"127.0.0.1:{port}")
    assert code == 6
    assert f"Port {port} on 127.0.0.1 is in use by pid {worker.pid}" in said
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(LONG_S) == 0


def test_a_service_without_work_and_a_foreign_one_are_told_apart(office: Office) -> None:
    package = office.root / "post-office" / "post"
    shutil.rmtree(package / "letters")
    (package / "desk").mkdir()
    (package / "desk" / "__init__.py").write_text("from decant import Module\n\nmodule = Module(__name__)\n")
    code, said = office.finish("worker")
    assert (code, "has no background work" in said) == (3, True)
    code, said = office.finish("worker", "legacy.wsgi:app")
    assert (code, "is a foreign application" in said) == (2, True)
