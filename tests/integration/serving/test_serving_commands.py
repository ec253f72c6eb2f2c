"""``decant run``, ``serve``, ``routes`` and ``shell`` as real processes, on a foreign application and on the example."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decant.serving.ports import free_port
from tests.integration.serving.harness import Service, alive, children, wait_until

pytestmark = pytest.mark.serving
DECANT = [sys.executable, "-c", "from decant.cli import main; main()"]
EXAMPLE = Path(__file__).parents[3] / "examples" / "bookclub"
SITE = """
import os
from flask import Flask, jsonify
app = Flask(__name__)

@app.get("/fast")
def fast():
    return jsonify(pid=os.getpid(), version=1)
"""
Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``decant …`` in a folder: ``start(folder, "run", …)``; its port is added."""
    started: list[Service] = []

    def begin(folder: Path, *arguments: str, port: int | None = None) -> Service:
        port = port or free_port()
        where = ["--bind", f"127.0.0.1:{port}"] if arguments[0] == "serve" else ["--port", str(port)]
        log = tmp_path / f"command-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*DECANT, *arguments, *where],
                cwd=folder,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        started.append(Service(process, port, log))
        return started[-1]

    yield begin
    for service in started:
        service.end()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site_app.py").write_text(SITE)
    return folder


@pytest.fixture
def bookclub(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns(".decant", "__pycache__")
    return Path(shutil.copytree(EXAMPLE, tmp_path / "bookclub", ignore=ignored))


def ready(service: Service) -> None:
    wait_until(lambda: service.process.poll() is not None or "is ready on" in service.output, "the ready line", 30)
    assert service.process.poll() is None, service.output


def ask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DECANT, *arguments], cwd=folder, capture_output=True, text=True, timeout=40, check=False)


def test_it_says_where_it_is_ready_once_it_answers(start: Start, site: Path) -> None:
    service = start(site, "run", "site_app:app")
    ready(service)
    assert f"site_app:app is ready on http://127.0.0.1:{service.port}\n" in service.output
    assert service.get("/fast")[0] == 200
    assert "/health/live" not in service.output


@pytest.mark.parametrize("flags", [[], ["--no-reload"]])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_and_leaves_nothing(start: Start, site: Path, flags: list[str], signum: int) -> None:
    service = start(site, "run", "site_app:app", *flags)
    ready(service)
    pids = [service.pid, *children(service.pid)]
    begun = time.monotonic()
    os.killpg(service.pid, signum)
    assert service.exit_code(10) == 0
    assert time.monotonic() - begun < 3
    assert not any(alive(pid) for pid in pids)
    assert "Traceback" not in service.output


def test_a_change_starts_it_again_and_names_the_file(start: Start, site: Path) -> None:
    service = start(site, "run", "site_app:app")
    ready(service)
    (site / "site_app.py").write_text(SITE.replace("version=1", "version=22"))
    wait_until(lambda: service.get("/fast")[1]["version"] == 22, "the new code answers")
    assert "reload: site_app.py changed: starting again" in service.output


def test_a_syntax_error_keeps_the_old_code_and_names_its_line(start: Start, site: Path) -> None:
    service = start(site, "run", "site_app:app")
    ready(service)
    pid = service.get("/fast")[1]["pid"]
    (site / "site_app.py").write_text(SITE + "def broken(:\n")
    wait_until(lambda: "the old code still serves" in service.output, "the error is told")
    assert f"site_app.py:{len(SITE.splitlines()) + 1}: invalid syntax" in service.output
    assert service.get("/fast")[1]["pid"] == pid


def test_after_a_crash_it_waits_for_the_cure(start: Start, site: Path) -> None:
    service = start(site, "run", "site_app:app")
    ready(service)
    (site / "site_app.py").write_text("import nothing_of_that_name\n")
    wait_until(lambda: "waiting for a change" in service.output, "the crash is told")
    assert "nothing_of_that_name" in service.output
    (site / "site_app.py").write_text(SITE.replace("version=1", "version=3"))
    wait_until(lambda: service.get("/fast")[1]["version"] == 3, "the cured code answers")


def test_a_first_start_that_fails_ends_with_its_error(start: Start, site: Path) -> None:
    service = start(site, "run", "no_such_app:app")
    assert service.exit_code() == 3
    assert "error[setup]: There is no module `no_such_app`" in service.output


def test_a_port_in_use_ends_it_with_exit_code_6(start: Start, site: Path) -> None:
    first = start(site, "run", "site_app:app", "--no-reload")
    ready(first)
    second = start(site, "run", "site_app:app", port=first.port)
    assert second.exit_code() == 6
    assert f"Port {first.port} on 127.0.0.1 is in use by pid {first.pid}" in second.output


def test_kill_9_of_the_reloader_leaves_no_server(start: Start, site: Path) -> None:
    service = start(site, "run", "site_app:app")
    ready(service)
    (server,) = children(service.pid)
    service.process.kill()
    service.process.wait()
    wait_until(lambda: not alive(server), "the server is gone", 5)


def test_the_debugger_is_not_served_to_others(start: Start, site: Path) -> None:
    service = start(site, "run", "site_app:app", "--debug", "--host", "0.0.0.0")
    assert service.exit_code() == 3
    assert "The debugger runs any code that it is sent" in service.output


def test_a_foreign_application_is_served_for_production(start: Start, site: Path) -> None:
    service = start(site, "serve", "site_app:app").ready()
    service.terminate()
    assert service.exit_code() == 0


def test_the_example_runs_from_nothing_with_data_in_it(start: Start, bookclub: Path) -> None:
    service = start(bookclub, "run", "--seed")
    ready(service)
    status, books = service.get("/api/books")
    assert status == 200
    assert books["items"]


@pytest.mark.parametrize("server", ["granian", "gunicorn", "gevent"])
def test_the_example_is_served_by_every_server(start: Start, bookclub: Path, server: str) -> None:
    assert ask(bookclub, "db", "upgrade").returncode == 0
    service = start(bookclub, "serve", "--server", server, "--workers", "2")
    wait_until(lambda: service.process.poll() is not None or service.get("/api/books")[0] == 200, "it answers", 30)
    service.terminate()
    assert service.exit_code() == 0, service.output
    lines = [json.loads(line) for line in service.output.splitlines()]
    assert {line["service"] for line in lines} == {"bookclub"}


def test_routes_as_json_tell_what_the_edge_answers(bookclub: Path) -> None:
    shown = ask(bookclub, "routes", "--topology", "services", "--json")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    assert document["schema"] == 1

    def named(endpoint: str) -> dict[str, Any]:
        (row,) = (row for row in document["routes"] if row["endpoint"] == endpoint)
        return dict(row)

    assert named("books.get_book") == {
        "method": "GET",
        "path": "/api/books/<book_id>",
        "endpoint": "books.get_book",
        "module": "books",
        "kind": "operation",
        "audience": "public",
        "service": "books",
    }
    assert named("books.titles@services")["audience"] == "internal"


def test_the_shell_has_clients_and_sessions_in_scope(bookclub: Path) -> None:
    assert ask(bookclub, "db", "upgrade").returncode == 0
    code = """
from sqlalchemy import text
with session("books") as db:
    print(app.name, runtime.name, isinstance(books, Books), db.execute(text("select 1")).scalar())
"""
    shown = ask(bookclub, "shell", "-c", code)
    assert shown.stdout.split() == ["bookclub", "bookclub", "True", "1"], shown.stderr


def test_a_modules_own_command_runs_in_the_application(bookclub: Path) -> None:
    (bookclub / "bookclub" / "books" / "commands.py").write_text(
        "import click\nfrom flask import current_app\nfrom bookclub.books import module\n\n\n"
        "@module.cli.command('where')\ndef where():\n    click.echo(current_app.name)\n"
    )
    shown = ask(bookclub, "books", "where")
    assert (shown.returncode, shown.stdout) == (0, "bookclub\n"), shown.stderr
