"""Third-party blueprints inside a module."""

from __future__ import annotations

import importlib

import pytest
from flask import Flask

from decant.modules import manifest
from tests.unit.modules.conftest import Workspace, get

VIEWS = """
from flask.views import MethodView
from flask_smorest import Blueprint
from . import module

blueprint = Blueprint("pets", __name__, url_prefix="/pets")

@blueprint.route("/")
class Pets(MethodView):
    @blueprint.response(200)
    def get(self):
        return ["cat"]

module.register_blueprint(blueprint)
"""


def test_a_flask_smorest_blueprint_works_unchanged_in_a_module(workspace: Workspace) -> None:
    pytest.importorskip("flask_smorest")
    workspace.module("zoo", views=VIEWS)
    zoo = importlib.import_module(f"{workspace.package}.zoo").module
    app = Flask(__name__)
    app.register_blueprint(zoo)

    assert get(app, "/pets/") == (200, '["cat"]\n')
    assert [(route.rule, route.module) for route in manifest(app)] == [("/pets/", "zoo")]
