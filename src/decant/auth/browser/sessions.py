"""Cookie sessions for the pages of a module: who is signed in, and whose form this is.

::

    module = Module(__name__)
    sessions = BrowserSessions(module, sign_in="/sign-in")

    @operation
    def sign_in(auth: Auth) -> ResponseReturnValue:
        answer = auth.sign_in(request.form["email"], request.form["password"], request.remote_addr)
        sessions.sign_in(answer.access_token)
        return redirect(sessions.next_page("/profile"), 303)

The session is Flask's: signed, kept in a cookie, and readable by whoever holds the browser. It holds the user's access
token. Before each view the token becomes the caller of the request, so that contract calls from the page, in this
process or to another, run on behalf of its user, and are refused once the token is revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Token
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, flash, redirect, request, session
from flask.blueprints import BlueprintSetupState
from markupsafe import Markup

from decant.auth.browser.answers import error_page, prefers_html, takes_html
from decant.auth.browser.csrf import FIELD, SAFE_METHODS, mask, new_secret, protect
from decant.auth.browser.targets import local_path
from decant.context import EMPTY, NOBODY, CallContext, Caller, current
from decant.errors import AuthenticationError, SetupError, Unavailable

EXTENSION = "decant.browser"
"""Key in ``app.extensions``: the :class:`BrowserSetup` of an application that has such pages."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""

SIGNED_OUT = "You were signed out because your session has ended. Sign in to go on."

Identify: TypeAlias = Callable[[str | None, bool], Caller]
"""Takes an ``Authorization`` header and whether the request only reads; returns who that is."""

_PAGE = "decant.page"  # decant.http.problem asks what it finds there how an error is answered
_STATE = "decant.browser"
_TOKEN = "_token"  # noqa: S105 - a name
_CSRF = "_csrf"


@dataclass(slots=True)
class _State:
    """What is known of the running request.

    Attributes:
        caller: Who is signed in.
        private: Whether the answer holds something of this session's.
        ended: Whether the session was ended because its token is no longer taken.
        before: Puts back the context that was there before.
    """

    caller: Caller = NOBODY
    private: bool = False
    ended: bool = False
    before: Token[CallContext] | None = None


class BrowserSetup:
    """What an application knows of its pages for browsers.

    Attributes:
        sessions: Those of the first blueprint that has some.
        modules: The names of the blueprints that have sessions.
        identify: Tells who sends a token; set by whoever verifies tokens, before the first request.
    """

    def __init__(self, sessions: BrowserSessions) -> None:
        self.sessions = sessions
        self.modules: list[str] = []
        self.identify: Identify | None = None


def browser_setup(app: Flask) -> BrowserSetup | None:
    """Return what an application knows of its pages for browsers, or None where it has none."""
    found: BrowserSetup | None = app.extensions.get(EXTENSION)
    return found


class BrowserSessions:
    """Makes the views of a module pages for browsers, with a session and safe forms.

    Templates of the module get ``csrf_field()``, ``csrf_token()`` and ``current_user``.

    Args:
        module: The module, or any blueprint of an application that Decant made.
        sign_in: The path of the page where visitors sign in.
        content_security_policy: For answers that have none of their own.

    Thread-safety: share it freely; what it holds is the running request's.
    """

    def __init__(
        self,
        module: Blueprint,
        *,
        sign_in: str = "/sign-in",
        content_security_policy: str = CONTENT_SECURITY_POLICY,
    ) -> None:
        if local_path(sign_in, "") != sign_in:
            raise SetupError(f"sign_in={sign_in!r} is no path of this site.", hint="Write sign_in='/sign-in'.")
        self._sign_in = sign_in
        self._policy = content_security_policy
        # Before whatever is there already, for instance the module's guard, which asks who is signed in.
        module.before_request_funcs.setdefault(None, []).insert(0, self._begin)
        module.after_request(self._end)
        module.teardown_request(_leave)
        module.context_processor(self._for_templates)
        module.record(self._note)

    @property
    def user(self) -> Caller | None:
        """Who is signed in, or None for a visitor."""
        caller = _state().caller
        return caller if caller.subject is not None else None

    def sign_in(self, access_token: str) -> Caller:
        """Begin a new session for the user of a token; nothing of the session before stays.

        The rest of the request runs on behalf of that user.

        Raises:
            AuthenticationError: For a token that is not valid; the session is as it was.
        """
        caller = _identify(access_token, reading=False)
        if caller.subject is None:
            raise AuthenticationError(caller.refused or "The access token is missing.")
        session.clear()
        session[_TOKEN] = access_token
        _become(caller, access_token)
        return caller

    def sign_out(self) -> None:
        """End the session. Revoke its token first, by the contract that issued it: whoever copied the cookie has it."""
        session.clear()
        _become(NOBODY, None)

    def next_page(self, default: str = "/") -> str:
        """Return where the user wanted to go before they were asked to sign in; always a path of this site."""
        return local_path(request.values.get("next"), default)

    def csrf_token(self) -> str:
        """Return the token that a form of this session sends as ``csrf_token``, or a script as ``X-CSRF-Token``."""
        _state().private = True
        if _CSRF not in session:
            session[_CSRF] = new_secret()
        return mask(session[_CSRF])

    def csrf_field(self) -> Markup:
        """Return the hidden field that every form with ``method="post"`` needs."""
        return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, self.csrf_token())

    def _for_templates(self) -> dict[str, Any]:
        return {"csrf_field": self.csrf_field, "csrf_token": self.csrf_token, "current_user": self.user}

    def _note(self, state: BlueprintSetupState) -> None:
        setup: BrowserSetup = state.app.extensions.setdefault(EXTENSION, BrowserSetup(self))
        setup.modules.append(state.name)

    def _begin(self) -> None:
        if _is_file():
            return
        request.environ[_PAGE] = self._answer
        secret = session.get(_CSRF)
        self._recognise(reading=request.method in SAFE_METHODS)
        protect(request, secret)

    def _recognise(self, *, reading: bool) -> None:
        """Let the rest of the request run on behalf of the session's user, and of nobody else."""
        token = session.get(_TOKEN)
        caller = NOBODY if token is None else _identify(token, reading=reading)
        if token is not None and caller.subject is None:
            self._end_session()
        else:
            _become(caller, token)

    def _end_session(self) -> None:
        session.clear()
        state = _state()
        state.ended = state.private = True
        _become(NOBODY, None)

    def _answer(self, problem: Mapping[str, Any]) -> Any:
        """Return what a browser gets for an error; None: what programs get."""
        if problem["status"] == 401:
            reading = request.method in SAFE_METHODS
            if self.user is not None and (reading or problem["code"] == AuthenticationError.code):
                self._end_session()  # whoever was asked behind this page does not take the token any more
            if reading and request.path != self._sign_in and takes_html(request):
                return self._ask_to_sign_in()
        if not prefers_html(request):
            return None
        page = error_page(problem, self._for_templates())
        return Response(page, problem["status"], content_type="text/html; charset=utf-8")

    def answer_lost(self, problem: Mapping[str, Any]) -> Any:
        """Return what a browser gets where no view answers; None: what programs get."""
        if not prefers_html(request):
            return None
        try:
            with suppress(Unavailable):  # the page of an error greets nobody rather than to fail
                self._recognise(reading=True)  # whatever the method was: nothing is changed
            return self._end(self._answer(problem))
        finally:
            _leave(None)

    def _ask_to_sign_in(self) -> Any:
        if _state().ended:
            flash(SIGNED_OUT, "info")
        wanted = request.full_path if request.query_string else request.path
        return redirect(f"{request.script_root}{self._sign_in}?next={quote(request.script_root + wanted)}", 303)

    def _end(self, response: Response) -> Response:
        if _is_file():
            return response
        if self.user is not None or _state().private:
            kept = response.cache_control
            if not (kept.no_store or kept.private):
                response.headers["Cache-Control"] = "no-store"
        else:
            response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers.setdefault("Content-Security-Policy", self._policy)
        return response


def _is_file() -> bool:
    """Return whether a file of the module is asked for; its own view called ``static`` may do anything else."""
    reading = request.method in SAFE_METHODS
    return reading and request.endpoint is not None and request.endpoint.endswith(".static")


def _identify(token: str, *, reading: bool) -> Caller:
    setup = browser_setup(current_app)
    if setup is None or setup.identify is None:
        raise SetupError(
            "Nothing verifies access tokens here.",
            hint="Make the application with decant.create_app(), or set browser_setup(app).identify.",
        )
    return setup.identify(f"Bearer {token}", reading)


def _state() -> _State:
    found: _State = request.environ.setdefault(_STATE, _State())
    return found


def _become(caller: Caller, token: str | None) -> None:
    state = _state()
    state.caller = caller
    context = current.get().replace(caller=caller, authorization=None if token is None else f"Bearer {token}")
    before = current.set(context)
    state.before = state.before or before


def _leave(_error: BaseException | None) -> None:
    state = _state()
    before, state.before = state.before, None
    if before is not None:
        try:
            current.reset(before)
        except ValueError:  # torn down in another context than it began in
            current.set(EMPTY)
