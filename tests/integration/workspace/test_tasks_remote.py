"""A remote cache over real sockets: a web server, a bucket that checks signatures, and every way in which they fail."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.tasks.entry import Header
from decant_tools.workspace.tasks.keys import Key
from decant_tools.workspace.tasks.model import Task, TaskId
from decant_tools.workspace.tasks.places import find_place
from decant_tools.workspace.tasks.remote import RemoteStore, open_remote
from decant_tools.workspace.tasks.results import Results
from decant_tools.workspace.tasks.sigv4 import Credentials, sign
from decant_tools.workspace.tasks.store import Store

KEY, OTHER = "a" * 64, "b" * 64
Allow = Callable[[BaseHTTPRequestHandler, bytes], int]


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not wait goes away."""


class Objects:
    """A server that keeps objects."""

    def __init__(self, allow: Allow) -> None:
        self.kept: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.delay_s = 0.0
        self.is_cutting = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.serve(self, b"", allow)

            do_HEAD = do_GET

            def do_PUT(self) -> None:
                outer.serve(self, self.rfile.read(int(self.headers["content-length"])), allow)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base calls it
                """Nothing."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, request: BaseHTTPRequestHandler, body: bytes, allow: Allow) -> None:
        self.asked.append(request.command)
        time.sleep(self.delay_s)
        status = allow(request, body)
        if status == 200 and request.command == "PUT":
            self.kept[request.path] = body
        elif status == 200 and request.path not in self.kept:
            status = 404
        found = self.kept.get(request.path, b"") if status == 200 and request.command != "PUT" else b""
        request.send_response(status)
        if status == 302:
            request.send_header("location", f"{self.url}/elsewhere")
        request.send_header("content-length", str(len(found)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(found[: len(found) // 2] if self.is_cutting else found)


@contextmanager
def serving(allow: Allow = lambda request, body: 200) -> Iterator[Objects]:
    objects = Objects(allow)
    thread = threading.Thread(target=objects.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield objects
    finally:
        objects.server.shutdown()
        thread.join()
        objects.server.server_close()


class Side:
    """One machine that shares results."""

    def __init__(self, folder: Path, url: str, silent_s: float = 5.0, **environ: str) -> None:
        self.warnings: list[str] = []
        self.store = Store(folder)
        mode, key = environ.get("DECANT_CACHE_MODE", "readwrite"), environ.get("DECANT_CACHE_KEY", "")
        self.remote = RemoteStore(
            find_place(url, environ), self.store, key.encode(), self.warnings.append,
            is_written=mode == "readwrite", silent_s=silent_s, request_s=2 * silent_s,
        )  # fmt: skip

    def keep(self, output: bytes = b"3 passed\n", key: str = KEY) -> None:
        self.remote.offer(self.store.put(Header(key, "lib:a#test", 1.0, 2.0), output))
        self.remote.close()

    def find(self, key: str = KEY) -> bytes | None:
        found = self.remote.fetch(key)
        return found.output() if found else None


def bearer(token: str) -> Allow:
    return lambda request, body: 200 if request.headers.get("authorization") == f"Bearer {token}" else 401


def test_what_one_side_keeps_the_other_finds(tmp_path: Path) -> None:
    with serving() as server:
        one, other = Side(tmp_path / "1", f"{server.url}/team/"), Side(tmp_path / "2", f"{server.url}/team")
        assert other.find() is None
        one.keep(b"x" * 3_000_000)
        assert other.find() == b"x" * 3_000_000
        assert other.store.get(KEY) is not None  # from now on here, too
        assert list(server.kept) == [f"/team/{KEY}"]
        one.keep(b"x" * 3_000_000)
        assert server.asked.count("PUT") == 1  # it lies there already
        assert one.warnings + other.warnings == []


def test_a_token_is_shown_and_a_wrong_one_is_one_warning(tmp_path: Path) -> None:
    with serving(bearer("good")) as server:
        Side(tmp_path / "1", server.url, DECANT_CACHE_TOKEN="good").keep()
        assert Side(tmp_path / "2", server.url, DECANT_CACHE_TOKEN="good").find() == b"3 passed\n"
        wrong = Side(tmp_path / "3", server.url, DECANT_CACHE_TOKEN="bad")
        assert [wrong.find(), wrong.find(OTHER)] == [None, None]
        assert wrong.warnings == ["The remote cache is not used any more in this run: it answers 401 Unauthorized."]


def test_in_read_mode_nothing_is_sent(tmp_path: Path) -> None:
    with serving() as server:
        side = Side(tmp_path, server.url, DECANT_CACHE_MODE="read")
        side.keep()
        assert server.asked == []


def test_a_server_that_is_not_there_is_one_warning(tmp_path: Path) -> None:
    with serving() as server:
        url = server.url
    side = Side(tmp_path, url)
    side.keep()
    assert [side.find(), side.find(OTHER)] == [None, None]
    assert side.warnings == ["The remote cache is not used any more in this run: Connection refused."]


def test_a_server_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with serving() as server:
        server.delay_s = 1.5
        side = Side(tmp_path, server.url, silent_s=0.2)
        began = time.monotonic()
        assert [side.find(), side.find(OTHER)] == [None, None]
        assert time.monotonic() - began < 1.2
        assert len(side.warnings) == 1


def test_a_token_does_not_follow_to_another_address(tmp_path: Path) -> None:
    seen: list[str | None] = []

    def redirect(request: BaseHTTPRequestHandler, body: bytes) -> int:
        seen.append(request.path)
        return 302

    with serving(redirect) as server:
        side = Side(tmp_path, server.url, DECANT_CACHE_TOKEN="secret")
        assert side.find() is None
        assert seen == [f"/{KEY}"]
        assert "302" in side.warnings[0]


def test_an_answer_that_is_cut_or_changed_is_not_used(tmp_path: Path) -> None:
    with serving() as server:
        Side(tmp_path / "1", server.url).keep()
        whole = server.kept[f"/{KEY}"]
        server.is_cutting = True
        assert Side(tmp_path / "2", server.url).find() is None
        server.is_cutting = False
        for at in (5, 100, len(whole) - 1):
            server.kept[f"/{KEY}"] = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
            assert Side(tmp_path / str(at), server.url).find() is None
        server.kept[f"/{OTHER}"] = whole  # the result of something else
        assert Side(tmp_path / "3", server.url).find(OTHER) is None


def test_with_a_key_only_signed_results_count(tmp_path: Path) -> None:
    with serving() as server:
        Side(tmp_path / "1", server.url, DECANT_CACHE_KEY="ours").keep()
        assert server.kept[f"/{KEY}"].startswith(b"hmac-sha256 ")
        assert Side(tmp_path / "2", server.url, DECANT_CACHE_KEY="ours").find() == b"3 passed\n"
        theirs = Side(tmp_path / "3", server.url, DECANT_CACHE_KEY="theirs")
        assert theirs.find() is None
        assert theirs.warnings == [
            "A result of the remote cache is not used: its signature is not that of DECANT_CACHE_KEY."
        ]
        assert Side(tmp_path / "4", server.url).find() == b"3 passed\n"  # who has no key believes the digest
        Side(tmp_path / "5", server.url).keep(key=OTHER)
        strict = Side(tmp_path / "6", server.url, DECANT_CACHE_KEY="ours")
        assert strict.find(OTHER) is None
        assert "not signed" in strict.warnings[0]
        assert strict.find() == b"3 passed\n"  # one bad object does not end it


def _flip(whole: bytes) -> bytes:
    return whole[:-1] + bytes([whole[-1] ^ 1])


@pytest.mark.parametrize(
    ("spoil", "key", "reason"),
    [
        (bytes, "ours", "it is not signed, and DECANT_CACHE_KEY is set"),
        (lambda whole: whole[: len(whole) // 2], "", "it is cut or changed, or that of something else"),
        (_flip, "", "it is cut or changed, or that of something else"),
        (lambda _: b"", "", "it is cut or changed, or that of something else"),
    ],
)
def test_a_result_that_is_refused_is_replaced_by_the_fresh_one(
    tmp_path: Path, spoil: Callable[[bytes], bytes], key: str, reason: str
) -> None:
    with serving() as server:
        before = Side(tmp_path / "1", server.url)
        before.keep()
        server.kept[f"/{KEY}"] = spoil(server.kept[f"/{KEY}"])
        reader = Side(tmp_path / "2", server.url, DECANT_CACHE_KEY=key, DECANT_CACHE_MODE="read")
        assert reader.find() is None
        reader.keep()
        assert server.asked.count("PUT") == 1
        writer = Side(tmp_path / "3", server.url, DECANT_CACHE_KEY=key)
        assert writer.find() is None
        writer.keep()
        assert reader.warnings == writer.warnings == [f"A result of the remote cache is not used: {reason}."]
        later = Side(tmp_path / "4", server.url, DECANT_CACHE_KEY=key)
        assert later.find() == b"3 passed\n"
        assert later.warnings == []


def test_a_result_whose_files_cannot_be_unpacked_is_replaced(tmp_path: Path) -> None:
    task = Task(TaskId("lib:a", "test"), "a", "libs/a", ("true",), outputs=("out/*",))
    with serving() as server:
        one = Side(tmp_path / "1", server.url)
        header = Header(KEY, "lib:a#test", 1.0, 2.0, files=1)
        one.remote.offer(one.store.put(header, b""))  # a digest that is right, over files that are not there
        one.remote.close()
        broken = server.kept[f"/{KEY}"]
        other = Side(tmp_path / "2", server.url)
        results = Results(tmp_path, other.store, other.remote)
        assert results.find(task, Key(KEY, {}), everywhere=True) is None
        other.keep()
        assert server.kept[f"/{KEY}"] != broken
        assert [warning.partition(":")[0] for warning in other.warnings] == ["A result of the remote cache is not used"]


def test_a_bucket_gets_requests_that_are_signed_over_what_they_carry(tmp_path: Path) -> None:
    who = Credentials("ACCESS", "secret", "session", "eu-west-1")
    environ = {
        "AWS_ACCESS_KEY_ID": "ACCESS", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session", "AWS_REGION": "eu-west-1",
    }  # fmt: skip

    def check(request: BaseHTTPRequestHandler, body: bytes) -> int:
        digest = request.headers["x-amz-content-sha256"]
        if digest != hashlib.sha256(body).hexdigest():
            return 400
        when = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        url = f"http://{request.headers['host']}{request.path}"
        expected = sign(who, request.command, url, digest, {}, when)
        return 200 if request.headers["authorization"] == expected["authorization"] else 403

    with serving(check) as server:
        environ["AWS_ENDPOINT_URL_S3"] = server.url
        Side(tmp_path / "1", "s3://results/ci/main", **environ).keep(b"x" * 2_000_000)
        assert list(server.kept) == [f"/results/ci/main/{KEY}"]
        other = Side(tmp_path / "2", "s3://results/ci/main", **environ)
        assert other.find() == b"x" * 2_000_000
        assert other.warnings == []
        stranger = Side(tmp_path / "3", "s3://results/ci/main", **{**environ, "AWS_SECRET_ACCESS_KEY": "wrong"})
        assert stranger.find() is None
        assert "403" in stranger.warnings[0]


@pytest.mark.parametrize(
    ("bucket", "url"),
    [
        ("s3://results/ci", "https://results.s3.eu-west-1.amazonaws.com/ci/x"),
        ("s3://results", "https://results.s3.eu-west-1.amazonaws.com/x"),
        ("s3://my.results/ci", "https://s3.eu-west-1.amazonaws.com/my.results/ci/x"),
    ],
)
def test_a_bucket_of_amazons_has_its_own_host(bucket: str, url: str) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    assert find_place(bucket, environ).url("x") == url


@pytest.mark.parametrize(
    ("url", "environ", "code"),
    [
        ("ftp://host/x", {}, 3),
        ("file:///tmp", {}, 3),
        ("https://user:password@host/x", {}, 3),
        ("https://host/x?token=1", {}, 3),
        ("https://", {}, 3),
        ("s3://bucket", {}, 6),
        ("https://host", {"DECANT_CACHE_MODE": "write-only"}, 3),
    ],
)
def test_what_is_no_address_or_lacks_who_asks_is_told(
    tmp_path: Path, url: str, environ: dict[str, str], code: int
) -> None:
    with pytest.raises(CommandError) as raised:
        open_remote(url, Store(tmp_path), environ, lambda _: None)
    assert raised.value.exit_code == code


def test_a_cache_that_is_turned_off_is_none(tmp_path: Path) -> None:
    assert open_remote("https://host", Store(tmp_path), {"DECANT_CACHE_MODE": "off"}, lambda _: None) is None
