"""Pages of a module in a plain application; the tokens are names, and who they stand for is in a table."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Blueprint, Flask, jsonify, render_template_string, request, session
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from jinja2 import DictLoader
from werkzeug.test import TestResponse

from decant.auth import require_user
from decant.auth.browser import BrowserSessions, browser_setup, sign_cookies
from decant.context import EMPTY, NOBODY, CallContext, Caller, current
from decant.errors import AuthenticationError, SetupError, Unavailable
from decant.http.problem import PAGE
from decant.kit import Kit, KitSettings

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FORM = "<form method=post>{{ csrf_field() }}</form>{{ current_user.subject if current_user else 'visitor' }}"


class WrongPassword(AuthenticationError, code="wrong-password"):
    """The password is wrong."""


class Tokens:
    """Which tokens are good, and whether anybody can tell."""

    def __init__(self) -> None:
        self.good = {"ada-1": "ada", "bob-1": "bob"}
        self.down = self.keyless = False
        self.asked: list[tuple[str | None, bool]] = []

    def identify(self, authorization: str | None, reading: bool) -> Caller:
        self.asked.append((authorization, reading))
        if self.keyless or (self.down and not reading):
            raise Unavailable("The store of revocations is down.")
        subject = self.good.get((authorization or "").removeprefix("Bearer "))
        return Caller(subject) if subject else Caller(refused="The access token was revoked.")


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def app(tokens: Tokens) -> Flask:
    app = Flask("shop")
    app.testing = True
    Kit(app, settings=KitSettings(configure_logging=False, expose_errors=False))
    app.register_blueprint(pages())
    app.add_url_rule("/api", "api", lambda: jsonify(caller=current.get().caller.subject), methods=["GET", "POST"])
    sign_cookies(app, "k" * 32, secure=False)
    setup = browser_setup(app)
    assert setup is not None
    setup.identify = tokens.identify
    return app


def pages() -> Blueprint:
    web = Blueprint("web", __name__, static_folder=".", static_url_path="/files")
    sessions = BrowserSessions(web, sign_in="/sign-in")

    @web.get("/form")
    def form() -> str:
        return render_template_string(FORM)

    @web.get("/landing")
    def landing() -> str:
        return "Welcome"

    @web.get("/public")
    def public() -> ResponseReturnValue:
        return "Welcome", {"Cache-Control": "public, max-age=60"}

    @web.post("/do")
    def do() -> str:
        session["done"] = session.get("done", 0) + 1
        context = current.get()
        return f"{context.caller.subject} {context.authorization} {session['done']}"

    @web.get("/seen")
    def seen() -> dict[str, Any]:
        return dict(session)

    @web.route("/guarded", methods=["GET", "POST"])
    def guarded() -> str:
        require_user(current.get().caller)
        return f"Hello {current.get().caller.subject}"

    @web.route("/behind", methods=["GET", "POST"])
    def behind() -> str:
        raise (WrongPassword if "wrong" in request.values else AuthenticationError)("The access token was revoked.")

    @web.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> str:
        if request.method == "POST":
            sessions.sign_in(request.form["token"])
        return render_template_string(
            "{{ csrf_field() }}{% for m in get_flashed_messages() %}{{ m }}{% endfor %}") + sessions.next_page("/home")  # fmt: skip

    @web.post("/sign-out")
    def sign_out() -> str:
        sessions.sign_out()
        return str(sessions.user)

    @web.get("/broken")
    def broken() -> str:
        raise RuntimeError("the plumbing leaks")

    return web


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def token_in(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def send(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Send a form as a browser does that has seen the page with it."""
    return client.post(path, data={"csrf_token": token_in(client.get("/form")), **fields}, headers=HTML)


def sign_in(client: FlaskClient, token: str = "ada-1") -> TestResponse:
    answer = send(client, "/sign-in", token=token)
    assert answer.status_code == 200
    return answer


def test_a_visitor_is_nobody(client: FlaskClient) -> None:
    assert client.get("/form").text.endswith("visitor")


def test_the_session_s_token_becomes_the_caller_and_its_authorization(client: FlaskClient) -> None:
    sign_in(client)
    assert client.get("/form").text.endswith("ada")
    assert send(client, "/do").text == "ada Bearer ada-1 1"


def test_a_header_says_nothing_to_a_page(client: FlaskClient) -> None:
    assert client.get("/guarded", headers={"Authorization": "Bearer ada-1"}).status_code == 303
    sign_in(client)
    assert client.get("/guarded", headers={"Authorization": "Bearer bob-1"}).text == "Hello ada"


def test_the_cookie_says_nothing_to_an_operation(client: FlaskClient) -> None:
    sign_in(client)
    answer = client.post("/api", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.json == {"caller": None}
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_the_next_request_of_the_thread_knows_nothing_of_this_one(client: FlaskClient) -> None:
    sign_in(client)
    client.get("/guarded")
    assert current.get() is EMPTY


def test_reading_is_told_apart_from_changing(client: FlaskClient, tokens: Tokens) -> None:
    sign_in(client)
    tokens.down = True
    assert client.get("/guarded").text == "Hello ada"
    answer = send(client, "/do")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_signing_in_begins_a_new_session_and_a_new_token(client: FlaskClient) -> None:
    send(client, "/do")
    before = token_in(client.get("/form"))
    assert client.get("/seen").json["done"] == 1
    sign_in(client)
    assert "done" not in client.get("/seen").json
    assert client.post("/do", data={"csrf_token": before}).status_code == 403


def test_signing_in_with_a_bad_token_leaves_the_session_as_it_was(client: FlaskClient) -> None:
    send(client, "/do")
    assert send(client, "/sign-in", token="stale").status_code == 401
    assert client.get("/seen").json["done"] == 1


def test_signing_out_clears_the_session(client: FlaskClient) -> None:
    sign_in(client)
    answer = send(client, "/sign-out")
    assert answer.text == "None"
    assert "session=;" in answer.headers["Set-Cookie"]
    assert client.get("/seen").json == {}


def test_a_revoked_token_signs_the_browser_out_quietly(client: FlaskClient, tokens: Tokens) -> None:
    sign_in(client)
    tokens.good.clear()
    answer = client.get("/form")
    assert (answer.status_code, answer.text[-7:]) == (200, "visitor")
    assert "ended" not in client.get("/sign-in").text


def test_a_page_that_needed_the_user_says_so_once_on_the_sign_in_page(client: FlaskClient, tokens: Tokens) -> None:
    sign_in(client)
    tokens.good.clear()
    answer = client.get("/guarded", follow_redirects=True)
    assert "your session has ended" in answer.text
    assert "your session has ended" not in client.get("/sign-in").text


def test_a_visitor_is_sent_to_sign_in_and_back(client: FlaskClient) -> None:
    answer = client.get("/guarded?page=2&q=a%20b", headers=HTML)
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/guarded%3Fpage%3D2%26q%3Da%2520b"
    assert client.get(answer.location).text.endswith("/guarded?page=2&q=a%20b")
    assert "WWW-Authenticate" not in answer.headers


def test_an_application_below_a_folder_keeps_its_visitors_there(client: FlaskClient) -> None:
    answer = client.get("/guarded", base_url="http://localhost/shop", headers=HTML)
    assert answer.location == "/shop/sign-in?next=/shop/guarded"


def test_a_session_ends_when_only_a_service_behind_knows_that_its_token_is_revoked(client: FlaskClient) -> None:
    sign_in(client)
    answer = client.get("/behind", headers=HTML)
    assert answer.location == "/sign-in?next=/behind"
    assert "your session has ended" in client.get(answer.location).text
    assert client.get("/form").text.endswith("visitor")


def test_so_it_does_for_a_form(client: FlaskClient) -> None:
    sign_in(client)
    assert send(client, "/behind").status_code == 401
    assert client.get("/form").text.endswith("visitor")


def test_a_wrong_password_on_a_form_ends_no_session(client: FlaskClient) -> None:
    sign_in(client)
    assert send(client, "/behind", wrong="yes").status_code == 401
    assert client.get("/form").text.endswith("ada")


def test_a_form_that_needs_a_user_is_refused(client: FlaskClient) -> None:
    answer = send(client, "/guarded")
    assert answer.status_code == 401
    assert answer.mimetype == "text/html"


def test_a_program_gets_its_401(client: FlaskClient) -> None:
    answer = client.get("/guarded", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"])
def test_the_way_back_stays_on_this_site(client: FlaskClient, target: str) -> None:
    assert client.get("/sign-in", query_string={"next": target}).text.endswith("/home")
    assert send(client, "/sign-in", token="ada-1", next=target).text.endswith("/home")


def test_a_form_without_the_token_does_nothing_and_says_what_to_do(client: FlaskClient) -> None:
    send(client, "/do")
    answer = client.post("/do", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert "reload the page" in answer.text
    assert "csrf-failed" in answer.text
    assert client.get("/seen").json["done"] == 1


def test_a_form_from_another_site_does_nothing_even_with_the_token(client: FlaskClient) -> None:
    token = token_in(client.get("/form"))
    answer = client.post("/do", data={"csrf_token": token}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.json["code"]) == (403, "csrf-failed")
    assert "done" not in client.get("/seen").json


def test_the_sign_in_form_of_a_visitor_needs_it_too(client: FlaskClient) -> None:
    assert client.post("/sign-in", data={"token": "ada-1"}).status_code == 403


def test_a_token_is_good_for_its_own_session_only(app: Flask) -> None:
    other = token_in(app.test_client().get("/form"))
    client = app.test_client()
    client.get("/form")
    assert client.post("/do", data={"csrf_token": other}).status_code == 403


@pytest.mark.parametrize("path", ["/form", "/landing", "/public", "/guarded"])
def test_no_cache_keeps_a_page_of_a_user(client: FlaskClient, path: str) -> None:
    sign_in(client)
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]


def test_no_cache_keeps_a_page_with_a_form(client: FlaskClient) -> None:
    assert client.get("/form").headers["Cache-Control"] == "no-store"


def test_a_page_for_everybody_is_asked_for_again_unless_it_says_otherwise(client: FlaskClient) -> None:
    assert client.get("/landing").headers["Cache-Control"] == "private, no-cache"
    answer = client.get("/public")
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert "Cookie" in answer.headers["Vary"]


def test_files_have_no_session(client: FlaskClient, tokens: Tokens) -> None:
    sign_in(client)
    tokens.asked.clear()
    with client.get("/files/conftest.py") as answer:
        assert answer.status_code == 200
        assert "Vary" not in answer.headers
    assert tokens.asked == []


def test_a_page_runs_nothing_from_elsewhere(client: FlaskClient) -> None:
    policy = client.get("/landing").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_an_error_is_a_page_for_browsers_and_a_document_for_programs(client: FlaskClient, app: Flask) -> None:
    app.testing = False
    page = client.get("/broken", headers=HTML)
    assert (page.status_code, page.mimetype) == (500, "text/html")
    assert "<h1>Internal Server Error</h1>" in page.text
    assert "plumbing" not in page.text
    assert client.get("/broken").mimetype == "application/problem+json"


def test_an_application_has_a_page_of_its_own_for_errors(client: FlaskClient, app: Flask) -> None:
    app.jinja_loader = DictLoader({"error.html": "<h1>Oh {{ problem.status }} {{ current_user.subject }}</h1>"})
    sign_in(client)
    assert client.post("/do", headers=HTML).text == "<h1>Oh 403 ada</h1>"


def test_where_that_page_fails_the_first_error_is_told_all_the_same(
    client: FlaskClient, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    app.jinja_loader = DictLoader({"error.html": "{{ nothing.at.all }}"})
    assert "csrf-failed" in client.post("/do", headers=HTML).text
    assert "The template error.html fails." in caplog.text


def test_what_a_page_says_of_an_error_is_escaped(client: FlaskClient) -> None:
    answer = client.get("/guarded<script>", headers=HTML)
    assert "<script>" not in answer.text


def test_an_application_that_verifies_nothing_says_so() -> None:
    app = Flask("shop")
    app.testing = True
    app.secret_key = "k" * 32
    app.register_blueprint(pages())
    client = app.test_client()
    with pytest.raises(SetupError, match="Nothing verifies access tokens"):
        send(client, "/sign-in", token="ada-1")


@pytest.mark.parametrize("path", ["sign-in", "//evil", "https://evil.example"])
def test_the_sign_in_page_is_of_this_site(path: str) -> None:
    with pytest.raises(SetupError, match="no path of this site"):
        BrowserSessions(Blueprint("web", __name__), sign_in=path)


def test_the_context_around_a_page_comes_back(app: Flask) -> None:
    client = app.test_client()
    sign_in(client)
    outer = CallContext(request_id="outer", caller=NOBODY)
    token = current.set(outer)
    try:
        client.get("/guarded")
        assert current.get() is outer
    finally:
        current.reset(token)


def test_a_page_that_is_not_there_is_told_while_nobody_can_tell_who_asks(
    app: Flask, client: FlaskClient, tokens: Tokens
) -> None:
    setup = browser_setup(app)
    assert setup is not None
    app.extensions[PAGE] = setup.sessions.answer_lost
    with client.session_transaction() as kept:
        kept["_token"] = "ada-1"
    tokens.keyless = True
    answer = client.get("/nowhere", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_a_view_that_is_called_static_is_protected_like_any_other(app: Flask) -> None:
    done = []
    web = Blueprint("more", __name__)
    BrowserSessions(web)
    web.add_url_rule("/more", "static", lambda: done.append(1) or "done", methods=["POST"])
    app.register_blueprint(web)
    assert app.test_client().post("/more").status_code == 403
    assert not done
