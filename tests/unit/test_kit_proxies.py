"""What a proxy says about its client counts where we trust the proxy, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import SettingsError
from decant.kit import Kit, KitSettings

PROXY = {"REMOTE_ADDR": "10.0.0.7"}


def seen(trusted: tuple[str, ...], peer: str, **headers: str) -> dict[str, Any]:
    app = Flask("shop")
    Kit(app, settings=KitSettings(trusted_proxies=trusted, access_log=False))

    @app.get("/")
    def show() -> dict[str, Any]:
        return {
            "client": request.remote_addr,
            "url": request.url,
            "said": [name for name, _ in request.headers if name.lower().startswith("x-forwarded")],
        }

    named = {f"X-Forwarded-{name.capitalize()}": value for name, value in headers.items()}
    answer: dict[str, Any] = app.test_client().get("/", headers=named, environ_base={"REMOTE_ADDR": peer}).get_json()
    return answer


def client(chain: str, trusted: tuple[str, ...] = ("10.0.0.0/8",), peer: str = "10.0.0.7") -> str:
    return str(seen(trusted, peer, **{"for": chain})["client"])


def test_a_trusted_proxy_says_who_asks_and_by_which_address() -> None:
    answer = seen(("10.0.0.7",), "10.0.0.7", **{"for": "203.0.113.9", "proto": "https", "host": "shop.example:8443"})
    assert answer == {"client": "203.0.113.9", "url": "https://shop.example:8443/", "said": []}


def test_nobody_else_is_believed_and_no_view_sees_what_they_said() -> None:
    answer = seen(("10.0.0.7",), "10.0.0.8", **{"for": "203.0.113.9", "proto": "https", "host": "evil.example"})
    assert answer == {"client": "10.0.0.8", "url": "http://localhost/", "said": []}


def test_without_trusted_proxies_nothing_is_touched() -> None:
    answer = seen((), "10.0.0.7", **{"for": "203.0.113.9", "proto": "https"})
    assert answer["client"] == "10.0.0.7"
    assert answer["url"] == "http://localhost/"
    assert len(answer["said"]) == 2  # the application may have a proxy middleware of its own


@pytest.mark.parametrize(
    ("chain", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),  # what comes before, the client may have written itself
        ("203.0.113.9, 10.0.0.1, 10.9.9.9", "203.0.113.9"),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, nonsense", "10.0.0.7"),
        ("nonsense, 203.0.113.9", "203.0.113.9"),
        ("nonsense, 10.0.0.3", "10.0.0.3"),
        ("", "10.0.0.7"),
        (",,", "10.0.0.7"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(chain: str, found: str) -> None:
    assert client(chain) == found


@pytest.mark.parametrize(
    "host", ["evil.example/path", "a b", "user@evil.example", "", "x" * 300, "shop.example:99999999"]
)
def test_a_host_that_is_none_changes_nothing(host: str) -> None:
    assert seen(("10.0.0.7",), "10.0.0.7", host=host)["url"] == "http://localhost/"


@pytest.mark.parametrize("scheme", ["HTTPS", "ftp", "https,http", "javascript"])
def test_a_scheme_that_is_none_changes_nothing(scheme: str) -> None:
    assert seen(("10.0.0.7",), "10.0.0.7", proto=scheme)["url"] == "http://localhost/"


def test_a_peer_that_is_no_address_is_not_trusted() -> None:
    assert seen(("0.0.0.0/0",), "unix:", **{"for": "203.0.113.9"})["client"] == "unix:"


def test_every_network_that_is_none_is_named() -> None:
    with pytest.raises(SettingsError) as refused:
        Kit(Flask("shop"), settings=KitSettings(trusted_proxies=("10.0.0.0/8", "proxy.example", "10.0.0.1/8")))
    assert len(refused.value.faults) == 2


@given(st.text(max_size=60).filter(lambda text: "\n" not in text and "\r" not in text))
def test_whatever_a_client_writes_before_the_proxys_entry_changes_nothing(text: str) -> None:
    from decant.kit.proxies import TrustedProxies, parse_networks

    environ = {"REMOTE_ADDR": "10.0.0.7", "HTTP_X_FORWARDED_FOR": f"{text}, 203.0.113.9"}
    TrustedProxies(lambda env, start: [], parse_networks(["10.0.0.7"]))(environ, None)  # type: ignore[arg-type]
    assert environ["REMOTE_ADDR"] == "203.0.113.9"
