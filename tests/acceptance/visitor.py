"""A browser without a screen."""

from __future__ import annotations

import re
import secrets
from http.cookiejar import Cookie
from typing import Any

import requests
from requests.cookies import RequestsCookieJar

PASSWORD = "the sea is calm tonight"
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Jar(RequestsCookieJar):
    """Keeps cookies that are for TLS alone, here where there is none."""

    def set_cookie(self, cookie: Cookie, *arguments: Any, **options: Any) -> None:
        cookie.secure = False
        super().set_cookie(cookie, *arguments, **options)


class Visitor:
    """It keeps cookies, and sends forms with what their page holds."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.cookies = Jar()
        self.session.headers.update(HTML)

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.address + path, timeout=10)

    def send(self, path: str, page: str = "", **fields: str) -> requests.Response:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page or path).text)
        assert found
        return self.session.post(self.address + path, data={"csrf_token": found[1], **fields}, timeout=10)

    def sign_up(self) -> str:
        email = f"visitor{secrets.token_hex(6)}@example.org"
        answer = self.send("/sign-up", name="Ada", email=email, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        assert answer.url.endswith("/profile")
        return email
