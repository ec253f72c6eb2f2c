"""``decant routes``: every method of every path, and nothing that Flask adds by itself."""

from __future__ import annotations

from flask import Flask

from decant.cli.routes import rows_of


def test_every_declared_method_has_a_row_in_order_of_path_and_method() -> None:
    app = Flask("plain", static_folder=None)
    app.add_url_rule("/b", "b", lambda: "", methods=["POST", "GET"])
    app.add_url_rule("/a/<int:number>", "a", lambda number: "")
    app.add_url_rule("/c", "c", lambda: "", methods=["OPTIONS", "HEAD"])
    assert [(row.method, row.path, row.endpoint) for row in rows_of(app, "plain")] == [
        ("GET", "/a/<int:number>", "a"),
        ("GET", "/b", "b"),
        ("POST", "/b", "b"),
        ("HEAD", "/c", "c"),
        ("OPTIONS", "/c", "c"),
    ]


def test_what_belongs_to_no_module_is_a_public_view_of_the_application() -> None:
    (row,) = rows_of(Flask("plain"), "shop")
    assert (row.module, row.kind, row.audience, row.service) == ("-", "view", "public", "shop")
