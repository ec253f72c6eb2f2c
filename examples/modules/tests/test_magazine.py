"""The magazine, with both modules and with one of them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from flask.testing import FlaskClient

ROOT = Path(__file__).parents[1] / "magazine"


@pytest.fixture(scope="module")
def magazine():
    spec = importlib.util.spec_from_file_location("magazine", ROOT / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["magazine"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["magazine"]


@pytest.fixture
def client(magazine: ModuleType) -> FlaskClient:
    return magazine.create_app().test_client()


def test_both_modules_show_their_own_main_page_in_turn(client: FlaskClient):
    for _ in range(2):
        assert "<h1>News</h1>" in client.get("/").text
        assert "<h1>Admin</h1>" in client.get("/admin/").text


def test_each_module_has_its_own_banner(client: FlaskClient):
    assert "editors only" in client.get("/admin/").text
    assert "editors only" not in client.get("/").text


def test_the_front_page_links_to_the_articles(client: FlaskClient):
    assert '<a href="/news/2">Sediment stays in the bottle</a>' in client.get("/").text
    assert client.get("/news/2").status_code == 200


@pytest.mark.parametrize("path", ["/news/3", "/news/0", "/news/x"])
def test_an_article_that_does_not_exist_is_not_found(client: FlaskClient, path: str):
    assert client.get(path).status_code == 404


def test_a_note_is_kept_and_shown_to_editors(client: FlaskClient):
    answer = client.post("/admin/notes", data={"text": "Buy <glass>"}, follow_redirects=True)

    assert "<li>Buy &lt;glass&gt;</li>" in answer.text


def test_notes_are_only_posted(client: FlaskClient):
    assert client.get("/admin/notes").status_code == 405


def test_two_applications_do_not_share_notes(magazine: ModuleType):
    one, two = magazine.create_app().test_client(), magazine.create_app().test_client()
    one.post("/admin/notes", data={"text": "only here"})

    assert "only here" in one.get("/admin/").text
    assert "only here" not in two.get("/admin/").text


@pytest.mark.parametrize(("enabled", "font"), [(["news", "admin"], "serif;"), (["admin"], "sans-serif;")])
def test_a_module_overrides_a_static_file_of_the_root(magazine: ModuleType, enabled: list[str], font: str):
    with magazine.create_app(enabled).test_client().get("/static/style.css") as answer:
        assert f"font-family: {font}" in answer.text


def test_a_module_that_is_left_out_is_gone(magazine: ModuleType):
    client = magazine.create_app(["news"]).test_client()

    assert [client.get("/").status_code, client.get("/admin/").status_code] == [200, 404]
