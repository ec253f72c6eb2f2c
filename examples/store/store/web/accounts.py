from flask import flash, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from decant import operation
from decant.auth import TooManyAttempts
from store.auth.api import Auth, EmailTaken, SignUp, WrongCredentials
from store.cart.api import Cart
from store.web import basket, sessions
from store.web.forms import Form

WORDS = {
    "name": "Tell us your name.",
    "email": "Write an e-mail address, for instance ada@example.org.",
    "password": "Choose a password of at least 8 characters.",
}


def sign_up_form() -> ResponseReturnValue:
    return redirect(sessions.next_page(), 303) if sessions.user else sign_up_page(Form())


@operation
def sign_up(auth: Auth, cart: Cart) -> ResponseReturnValue:
    form, guest = typed("name", "email", "password"), session.get(basket.GUEST)
    person = form.take(SignUp, WORDS)
    if person is None:
        return sign_up_page(form), 422
    try:
        sessions.sign_in(auth.sign_up(person).access_token)
    except EmailTaken:
        form.errors["email"] = "There is an account with this address already. Sign in, or use another address."
        return sign_up_page(form), 409
    greet(person.name)
    basket.welcome(cart, guest)
    flash(f"Welcome, {session['name']}. Your account is ready.", "success")
    return redirect(sessions.next_page("/profile"), 303)


def sign_in_form() -> ResponseReturnValue:
    return redirect(sessions.next_page(), 303) if sessions.user else sign_in_page(Form())


@operation
def sign_in(auth: Auth, cart: Cart) -> ResponseReturnValue:
    form, guest = typed("email", "password"), session.get(basket.GUEST)
    try:
        answer = auth.sign_in(form.values["email"][:254], form.values["password"][:1024], request.remote_addr or "")
    except WrongCredentials:
        form.problem = "The e-mail address or the password is wrong."
        return sign_in_page(form), 401
    except TooManyAttempts as error:
        form.problem = f"Too many sign-ins failed. Try again in {minutes(error.retry_after_s)}."
        return sign_in_page(form), 429, error.headers()
    sessions.sign_in(answer.access_token)
    greet(auth.me().name)
    basket.welcome(cart, guest)
    return redirect(sessions.next_page(), 303)


@operation
def sign_out(auth: Auth) -> ResponseReturnValue:
    if sessions.user is not None:
        auth.sign_out()
    sessions.sign_out()
    flash("You are signed out.", "success")
    return redirect("/", 303)


def greet(name: str) -> None:
    """Remember what to call the user; a cookie has no room for the longest names."""
    session["name"] = name[:40]


def typed(*names: str) -> Form:
    """Return what was typed; a space before or after is never meant, but in a password."""
    return Form({name: value if name == "password" else value.strip() for name in names for value in [field(name)]})


def field(name: str) -> str:
    return request.form.get(name, "")


def sign_up_page(form: Form) -> str:
    return render_template("web/sign-up.html", form=form, next_page=sessions.next_page(""))


def sign_in_page(form: Form) -> str:
    return render_template("web/sign-in.html", form=form, next_page=sessions.next_page(""))


def minutes(seconds: int) -> str:
    count = max(1, round(seconds / 60))
    return "a minute" if count == 1 else f"{count} minutes"
