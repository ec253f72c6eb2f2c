from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from decant import operation
from decant.auth import require_user
from store.auth.api import Auth
from store.users.api import Bio, Profile, ProfileChanges, ProfileMissing, Users
from store.web.forms import Form

AVATARS = {f"/static/avatars/{name.lower()}.svg": name for name in ("Wave", "Leaf", "Sun", "Hill", "Moon", "Shell")}
"""Pictures to choose from, by what is stored; another application may have stored something else."""

SWITCHES = {"order_updates": "Tell me how my orders are getting on", "offers": "Send me offers, twice a month at most"}
WORDS = {"bio": "Keep it to 2000 characters."}


class Typed(BaseModel):
    bio: Bio


@operation(guard=require_user)
def show(auth: Auth, users: Users) -> ResponseReturnValue:
    profile = profile_of(users)
    return page(auth, profile, Form({"bio": profile.bio or ""}))


@operation(guard=require_user)
def save(auth: Auth, users: Users) -> ResponseReturnValue:
    profile = profile_of(users)
    form = Form({"bio": request.form.get("bio", "").replace("\r\n", "\n").strip()})
    changes: ProfileChanges = {"preferences": profile.preferences | {name: name in request.form for name in SWITCHES}}
    chosen = request.form.get("avatar")
    if chosen in AVATARS:
        changes["avatar"] = chosen
    typed = form.take(Typed, WORDS)
    if typed is None:
        return page(auth, profile.model_copy(update=dict(changes)), form), 422
    users.save_profile({**changes, "bio": typed.bio})
    flash("Your profile is saved.", "success")
    return redirect("/profile", 303)


def profile_of(users: Users) -> Profile:
    try:
        return users.get_profile()
    except ProfileMissing:
        return Profile(bio=None, avatar=None, preferences={"order_updates": True})


def page(auth: Auth, profile: Profile, form: Form) -> str:
    return render_template(
        "web/profile.html", account=auth.me(), profile=profile, form=form, avatars=AVATARS, switches=SWITCHES
    )
