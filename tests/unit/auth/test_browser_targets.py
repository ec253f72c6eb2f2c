from __future__ import annotations

import pytest

from decant.auth.browser import local_path


@pytest.mark.parametrize(
    "path", ["/", "/profile", "/orders/7?tab=items&x=1", "/a//b", "/münchen", "/a:b", "/?next=//x"]
)
def test_a_path_of_this_site_stays_as_it_came(path: str) -> None:
    assert local_path(path, "/default") == path


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        7,
        "profile",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/ok\\..\\evil",
        "https:",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "\t//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "/\x00/evil",
        "/\x7f",
        "/\x85/evil",
        "/\u202eevil",
        "/\u2028/evil",
        "/" + "a" * 2000,
    ],
)
def test_nothing_else_is_followed(target: object) -> None:
    assert local_path(target, "/default") == "/default"
