"""The failure switches: a page to make the shop fail on purpose, for developers alone, and a banner while it does."""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from decant import operation
from decant.faults import Faults
from decant.service import runtime_of
from store.web import module

MINUTES_S = 5 * 60.0


@operation
def show(faults: Faults) -> ResponseReturnValue:
    if not faults.available:
        abort(404)
    return render_template("web/faults.html", switches=faults.states())


@operation
def change(faults: Faults) -> ResponseReturnValue:
    if not faults.available:
        abort(404)
    name, wanted = request.form.get("name", ""), request.form.get("turn", "")
    if wanted == "all-off":
        faults.turn_off()
    elif name not in faults.names or wanted not in {"on", "for-minutes", "off"}:
        abort(404)
    elif wanted == "off":
        faults.turn_off([name])
    else:
        faults.turn_on([name], MINUTES_S if wanted == "for-minutes" else None)
        flash("Every process of the shop notices within half a second.", "info")
    return redirect("/faults", 303)


@module.app_context_processor
def faults_on() -> dict[str, Any]:
    """Let every page say what fails on purpose now."""
    return {"faults_on": runtime_of(current_app).faults.turned_on()}
