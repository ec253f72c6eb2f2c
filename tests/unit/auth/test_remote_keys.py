import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from decant.auth.compact import Malformed
from decant.auth.keyring import ANNOUNCE_S, Keyring
from decant.auth.remote_keys import FETCH_AGAIN_S, LONGEST_BYTES, RemoteKeys, fetch_plainly, read_key_set
from decant.auth.revocation import MemoryRevocations, Revocations
from decant.auth.signing import Key, key_from_private
from decant.auth.tokens import AccessTokens
from decant.errors import AuthenticationError, SetupError, Unavailable
from tests.support.clocks import NOW, HandClock

A, B, C = (key_from_private(ed25519.Ed25519PrivateKey.generate()) for _ in range(3))
URL = "https://auth.example/keys"


class Server:
    """Answers with a key set, and counts."""

    def __init__(self, *keys: Key) -> None:
        self.ring = Keyring(keys[0], keys[1:])
        self.fetched = 0
        self.down = False

    def fetch(self, url: str) -> bytes:
        assert url == URL
        self.fetched += 1
        if self.down:
            raise OSError("down")
        return json.dumps(self.ring.jwks()).encode()


@pytest.fixture
def server() -> Server:
    return Server(A)


@pytest.fixture
def keys(server: Server, clock: HandClock) -> RemoteKeys:
    return RemoteKeys(URL, fetch=server.fetch, clock=clock)


def test_keys_are_fetched_when_the_first_is_asked_for(keys: RemoteKeys, server: Server) -> None:
    found = keys.find(A.kid)
    assert found is not None
    assert (found.kid, found.sign, server.fetched) == (A.kid, None, 1)
    assert keys.find(A.kid) is found
    assert server.fetched == 1


def test_ten_thousand_made_up_names_cause_one_fetch_in_ten_seconds(
    keys: RemoteKeys, server: Server, clock: HandClock
) -> None:
    for number in range(10_000):
        assert keys.find(f"made-up-{number}") is None
        clock.forward(0.003)
    assert server.fetched == 3


def test_a_new_key_is_found(keys: RemoteKeys, server: Server, clock: HandClock) -> None:
    keys.find(A.kid)
    server.ring.rotate(B)
    clock.forward(FETCH_AGAIN_S)
    assert keys.find(B.kid)
    assert keys.find(A.kid)


def test_a_removed_key_is_gone_after_the_next_reading(keys: RemoteKeys, server: Server, clock: HandClock) -> None:
    keys.find(A.kid)
    before = keys.version()
    server.ring.rotate(B)
    server.ring.retire(A.kid)
    clock.forward(300)
    assert keys.version() != before
    assert keys.find(A.kid) is None


def test_known_keys_stay_good_while_the_server_is_down_and_unknown_ones_cannot_be_told(
    keys: RemoteKeys, server: Server, clock: HandClock
) -> None:
    keys.find(A.kid)
    server.down = True
    clock.forward(3600)
    assert keys.find(A.kid)
    with pytest.raises(Unavailable) as caught:
        keys.find("other")
    assert caught.value.status == 503
    assert server.fetched == 2


def test_a_server_that_never_answered_is_asked_once_in_ten_seconds(
    keys: RemoteKeys, server: Server, clock: HandClock
) -> None:
    server.down = True
    for _ in range(100):
        with pytest.raises(Unavailable):
            keys.find(A.kid)
    assert server.fetched == 1
    server.down = False
    clock.forward(FETCH_AGAIN_S)
    assert keys.find(A.kid)


def test_many_threads_cause_one_fetch(server: Server, clock: HandClock) -> None:
    keys = RemoteKeys(URL, fetch=server.fetch, clock=clock)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(keys.find(A.kid))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert server.fetched == 1
    assert len(list(filter(None, found))) == 20


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(["rotate", "issue", "made-up"]), st.floats(0.1, 60)), max_size=30))
def test_no_rotation_refuses_a_valid_token_and_none_causes_a_storm(steps: list[object]) -> None:
    clock, server = HandClock(), Server(A)
    remote = RemoteKeys(URL, fetch=server.fetch, clock=clock)
    revocations = Revocations(MemoryRevocations(clock), clock)
    issuer, verifier = (
        AccessTokens(ring, revocations, issuer="shop", audience="api", clock=clock) for ring in (server.ring, remote)
    )
    tokens = [issuer.issue("ada")]
    announced: tuple[float, Key] | None = None
    for step in steps:
        if step == "rotate" and announced is None:
            key = key_from_private(ed25519.Ed25519PrivateKey.generate())
            server.ring._keys = server.ring._keys | {key.kid: key}
            announced = (clock.monotonic(), key)
        elif step == "issue":
            tokens.append(issuer.issue("ada"))
        elif step == "made-up":
            with pytest.raises(AuthenticationError):
                verifier.verify(
                    AccessTokens(Keyring(C), revocations, issuer="shop", audience="api", clock=clock).issue("eve")
                )
        elif isinstance(step, float):
            clock.forward(step)
        if announced and clock.monotonic() >= announced[0] + ANNOUNCE_S:
            server.ring.rotate(announced[1])
            announced = None
        assert all(verifier.verify(token).subject == "ada" for token in tokens)
    assert server.fetched <= 1 + (clock.monotonic() - NOW.timestamp()) / FETCH_AGAIN_S


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[]}',
        b'{"keys":[1,null,{}]}',
        b'{"keys":[],"keys":[]}',
        json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "x"}]}).encode(),
        json.dumps({"keys": [A.jwk, A.jwk]}).encode(),
        json.dumps({"keys": [{**(A.jwk or {}), "use": "enc"}]}).encode(),
        json.dumps({"keys": [A.jwk] + [{}] * 32}).encode(),
        b" " * LONGEST_BYTES + json.dumps({"keys": [A.jwk]}).encode(),
    ],
)
def test_what_is_no_sound_key_set_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_key_set(raw)


def test_keys_for_something_else_are_passed_over() -> None:
    p256 = key_from_private(ec.generate_private_key(ec.SECP256R1()))
    members = [
        {"kty": "oct", "k": "AAAA", "kid": "s"},
        {**(B.jwk or {}), "use": "enc"},
        {"kty": "XYZ"},
        p256.jwk,
        A.jwk,
    ]
    assert read_key_set(json.dumps({"keys": members}).encode()).keys() == {A.kid, p256.kid}


def test_a_broken_set_leaves_the_known_keys_good(clock: HandClock) -> None:
    answers = [json.dumps({"keys": [A.jwk]}).encode(), b"oops"]
    keys = RemoteKeys(URL, fetch=lambda _: answers.pop(0), clock=clock)
    assert keys.find(A.kid)
    clock.forward(301)
    assert keys.find(A.kid)


@pytest.mark.parametrize("url", ["http://auth.example/keys", "file:///etc/passwd", "ftp://127.0.0.1/x", "", "/keys"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(SetupError):
        RemoteKeys(url)


class Answers(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps({"keys": [A.jwk]}).encode()
        if self.path == "/long":
            body = b" " * (LONGEST_BYTES * 2)
        self.send_response({"/moved": 302, "/error": 500, "/gone": 404, "/empty": 204}.get(self.path, 200))
        self.send_header("Location", "/keys")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    Answers.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_a_key_set_is_read_over_http(address: str) -> None:
    assert RemoteKeys(f"{address}/keys").find(A.kid)


@pytest.mark.parametrize("path", ["/moved", "/error", "/gone", "/empty", "/long"])
def test_any_other_answer_is_an_error_and_no_redirect_is_followed(address: str, path: str) -> None:
    with pytest.raises(OSError):
        fetch_plainly(address + path)
    assert Answers.asked == [path]


def test_nothing_that_listens_is_an_error_too() -> None:
    with pytest.raises(OSError):
        fetch_plainly("http://127.0.0.1:1/keys")
