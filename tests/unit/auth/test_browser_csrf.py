from __future__ import annotations

import pytest
from flask import Flask, Request
from werkzeug.test import EnvironBuilder

from decant.auth.browser import CsrfFailed
from decant.auth.browser.csrf import is_same_origin, mask, new_secret, protect


def request(method: str = "POST", token: str | None = None, **headers: str) -> Request:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    data = {} if token is None else {"csrf_token": token}
    builder = EnvironBuilder("/", "http://shop.example", method=method, data=data, headers=names)
    return Flask("shop").request_class(builder.get_environ())


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_browser_calls_its_own_is_its_own(site: str) -> None:
    assert is_same_origin("shop.example", site, "https://elsewhere.example")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_what_the_browser_calls_foreign_is_foreign_even_with_our_origin(site: str) -> None:
    assert not is_same_origin("shop.example", site, "https://shop.example")


@pytest.mark.parametrize("origin", ["http://shop.example", "https://shop.example", "https://SHOP.example"])
def test_an_older_browser_tells_by_its_origin(origin: str) -> None:
    assert is_same_origin("shop.example", None, origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://shop.example:8443",
        "https://shop.example.evil.example",
        "https://[",
        "x",
    ],
)
def test_another_origin_is_foreign(origin: str) -> None:
    assert not is_same_origin("shop.example", None, origin)


def test_whoever_says_nothing_is_asked_for_the_token_alone() -> None:
    assert is_same_origin("shop.example", None, None)


def test_the_token_of_the_session_is_taken() -> None:
    secret = new_secret()
    protect(request(token=mask(secret)), secret)


def test_a_script_may_send_it_in_a_header() -> None:
    secret = new_secret()
    protect(request(X_CSRF_Token=mask(secret)), secret)


def test_it_looks_different_each_time() -> None:
    secret = new_secret()
    assert mask(secret) != mask(secret)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_needs_none(method: str) -> None:
    protect(request(method, Sec_Fetch_Site="cross-site"), None)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_changing_needs_one(method: str) -> None:
    with pytest.raises(CsrfFailed, match="older than your session"):
        protect(request(method), new_secret())


@pytest.mark.parametrize("token", ["", "x", "é" * 88, "A" * 88, "*" * 88, "A" * 87 + "\n", mask(new_secret())])
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(CsrfFailed, match="older than your session"):
        protect(request(token=token), new_secret())


def test_the_secret_itself_is_no_token() -> None:
    secret = new_secret()
    with pytest.raises(CsrfFailed):
        protect(request(token=secret), secret)


def test_another_site_is_refused_even_with_the_token() -> None:
    secret = new_secret()
    with pytest.raises(CsrfFailed, match="another site"):
        protect(request(token=mask(secret), Origin="https://evil.example"), secret)


def test_a_browser_without_cookies_is_told_so() -> None:
    with pytest.raises(CsrfFailed, match="Allow cookies"):
        protect(request(token=mask(new_secret())), None)


def test_the_refusal_has_a_code_of_its_own() -> None:
    error = CsrfFailed()
    assert (error.status, error.code) == (403, "csrf-failed")
