"""Templates of a MicroServicesApp: the running view's module, the other modules in order, the root."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

import pytest
from flask import Blueprint, render_template, render_template_string
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateNotFound

from decant.modules import MicroServicesApp
from tests.unit.modules.conftest import Tree


def show(tree: Tree, *enabled: str) -> MicroServicesApp:
    """An application whose modules and root render any template by path: /one/show/main.html, /show/main.html."""
    for name in ("one", "two"):
        tree.module(
            name,
            urls=f"url('/{name}/show/<path:t>', views.show)",
            views="\ndef show(t): return render_template(t)\n",
        )
    app = tree.app(*enabled)
    app.add_url_rule("/show/<path:t>", view_func=lambda t: render_template(t), endpoint="show")
    return app


def test_a_modules_own_template_goes_before_every_other(tree: Tree) -> None:
    for folder in ("templates", "modules/one/templates", "modules/two/templates"):
        tree.write(f"{folder}/main.html", folder)
    client = show(tree, "one", "two").test_client()

    assert client.get("/two/show/main.html").text == "modules/two/templates"
    assert client.get("/one/show/main.html").text == "modules/one/templates"


def test_a_template_that_the_module_lacks_comes_from_the_other_modules_in_order(tree: Tree) -> None:
    tree.module("three")
    for folder in ("templates", "modules/three/templates", "modules/two/templates"):
        tree.write(f"{folder}/main.html", folder)

    assert show(tree, "one", "three", "two").test_client().get("/one/show/main.html").text == "modules/three/templates"


def test_a_template_that_no_module_has_comes_from_the_root(tree: Tree) -> None:
    tree.write("templates/main.html", "root")

    assert show(tree, "one").test_client().get("/one/show/main.html").text == "root"


def test_a_module_overrides_the_root_for_views_outside_every_module(tree: Tree) -> None:
    tree.write("templates/main.html", "root")
    tree.write("modules/two/templates/main.html", "two")

    assert show(tree, "one", "two").test_client().get("/show/main.html").text == "two"


def test_a_module_that_is_not_enabled_gives_no_templates(tree: Tree) -> None:
    tree.write("templates/main.html", "root")
    tree.write("modules/two/templates/main.html", "two")

    assert show(tree, "one").test_client().get("/show/main.html").text == "root"


@pytest.mark.parametrize("order", list(itertools.permutations(["/one/", "/two/", "/"])))
def test_templates_of_one_name_never_answer_for_each_other(tree: Tree, order: tuple[str, ...]) -> None:
    tree.write("templates/main.html", "root")
    tree.write("modules/one/templates/main.html", "one")
    tree.write("modules/two/templates/main.html", "two")
    client = show(tree, "two", "one").test_client()
    own = {"/one/": "one", "/two/": "two", "/": "two"}

    for _ in range(2):
        assert [client.get(f"{prefix}show/main.html").text for prefix in order] == [own[prefix] for prefix in order]


def test_base_templates_and_includes_are_looked_for_from_the_running_view_too(tree: Tree) -> None:
    tree.write("templates/page.html", "{% extends 'base.html' %}{% block b %}{% include 'part.html' %}{% endblock %}")
    tree.write("templates/base.html", "root[{% block b %}{% endblock %}]")
    tree.write("modules/one/templates/base.html", "one[{% block b %}{% endblock %}]")
    tree.write("modules/one/templates/part.html", "part of one")
    tree.write("modules/two/templates/part.html", "part of two")
    client = show(tree, "one", "two").test_client()

    assert client.get("/two/show/page.html").text == "one[part of two]"
    assert client.get("/one/show/page.html").text == "one[part of one]"


def test_a_template_that_nobody_has_is_not_found_by_its_name(tree: Tree) -> None:
    app = show(tree, "one")
    app.testing = True

    with pytest.raises(TemplateNotFound, match=r"nothing\.html"):
        app.test_client().get("/one/show/nothing.html")


def test_templates_link_to_views(tree: Tree) -> None:
    tree.write("modules/one/templates/main.html", "{{ url_for('two.show', t='x') }} {{ url_for('.show', t='y') }}")

    assert show(tree, "one", "two").test_client().get("/one/show/main.html").text == "/two/show/x /one/show/y"


def test_an_error_page_is_looked_for_where_no_view_runs(tree: Tree) -> None:
    tree.write("templates/404.html", "root 404")
    tree.write("modules/one/templates/404.html", "404 of one")
    app = show(tree, "one")
    app.register_error_handler(404, lambda error: (render_template("404.html"), 404))

    assert app.test_client().get("/nothing").text == "404 of one"


def test_templates_render_outside_a_request(tree: Tree) -> None:
    tree.write("templates/mail.txt", "root mail")
    tree.write("templates/both.txt", "root")
    tree.write("modules/one/templates/both.txt", "one for {{ name }}")
    tree.write("modules/two/templates/both.txt", "two for {{ name }}")
    app = show(tree, "one", "two")

    with app.app_context():
        assert render_template("mail.txt") == "root mail"
        assert render_template("both.txt", name="all") == "one for all"
        assert app.blueprints["two"].render("both.txt", name="me") == "two for me"  # type: ignore[attr-defined]


def test_a_template_from_a_string_includes_from_the_running_scope(tree: Tree) -> None:
    tree.write("modules/one/templates/part.html", "part")
    app = show(tree, "one")

    with app.app_context():
        assert render_template_string("a {% include 'part.html' %}") == "a part"


def test_a_foreign_blueprints_templates_are_found_after_the_applications_as_in_flask(
    tree: Tree, tmp_path: Path
) -> None:
    (tmp_path / "ext").mkdir()
    (tmp_path / "ext/login.html").write_text("extension")
    (tmp_path / "ext/only.html").write_text("only the extension")
    tree.write("templates/login.html", "root")
    app = show(tree, "one")
    foreign = Blueprint("ext", __name__, template_folder=str(tmp_path / "ext"))
    foreign.add_url_rule("/ext/<path:t>", view_func=lambda t: render_template(t), endpoint="show")
    app.register_blueprint(foreign)
    client = app.test_client()

    assert [client.get("/ext/login.html").text, client.get("/ext/only.html").text] == ["root", "only the extension"]
    assert client.get("/one/show/only.html").text == "only the extension"


def test_a_blueprint_nested_in_a_module_goes_before_the_module(tree: Tree) -> None:
    init = """
from flask import Blueprint, render_template
from decant.modules import Router
blueprint = Router.create_blueprint("one", __name__)
inner = Blueprint("inner", __name__, template_folder="inner_templates")
inner.add_url_rule("/inner/<t>", "show", lambda t: render_template(t))
blueprint.register_blueprint(inner)
blueprint.add_url_rule("/outer/<t>", "outer", lambda t: render_template(t))
"""
    tree.module("one", init=init, templates={"a.html": "module", "b.html": "module"})
    tree.write("modules/one/inner_templates/a.html", "inner")
    tree.write("modules/one/inner_templates/c.html", "inner c")
    client = tree.app("one").test_client()

    assert [client.get("/inner/a.html").text, client.get("/inner/b.html").text] == ["inner", "module"]
    assert client.get("/outer/c.html").text == "inner c"


def test_explaining_template_loading_says_where_it_looked_and_still_renders(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree.write("templates/main.html", "root")
    app = show(tree, "one")
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    with caplog.at_level(logging.INFO):
        assert app.test_client().get("/one/show/main.html").text == "root"

    said = [record.getMessage() for record in caplog.records]
    assert said == ["Template 'main.html': not found in the blueprint 'one'",
                    "Template 'main.html': found in the application's folder"]  # fmt: skip


def test_the_list_of_templates_has_those_of_the_root_and_of_the_modules(tree: Tree) -> None:
    tree.write("templates/root.html")
    tree.write("modules/one/templates/one/deep.html")

    assert show(tree, "one", "two").jinja_env.list_templates() == ["one/deep.html", "root.html"]


def test_a_module_enabled_after_the_first_rendering_is_seen(tree: Tree) -> None:
    tree.module("late", templates={"late.html": "late"})
    app = show(tree, "one")
    with app.app_context():
        render_template_string("")
        app.register_urls(["late"])
        assert render_template("late.html") == "late"


def test_an_overlay_with_a_loader_of_its_own_keeps_it(tree: Tree) -> None:
    from jinja2 import DictLoader

    overlay = show(tree, "one").jinja_env.overlay(loader=DictLoader({"a.html": "its own"}))

    assert overlay.get_template("a.html").render() == "its own"


@given(
    has=st.frozensets(st.sampled_from(["root", "one", "two"]), min_size=1),
    order=st.permutations(["one", "two"]),
    visits=st.lists(st.sampled_from(["one", "two", ""]), min_size=1, max_size=6),
)
def test_any_run_of_visits_gives_what_the_search_order_says(
    tmp_path_factory: pytest.TempPathFactory, has: frozenset[str], order: list[str], visits: list[str]
) -> None:
    tree = Tree(tmp_path_factory.mktemp("app"))
    for owner in has:
        tree.write("templates/main.html" if owner == "root" else f"modules/{owner}/templates/main.html", owner)
    client = show(tree, *order).test_client()

    for visit in visits:
        expected = next(owner for owner in [visit, *order, "root"] if owner in has)
        assert client.get(f"/{visit}/show/main.html" if visit else "/show/main.html").text == expected
