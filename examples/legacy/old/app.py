"""Users, orders and two pages, all in one file, over one SQLite database."""

import os
import sqlite3

from flask import Flask, abort, g, jsonify, request

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, item TEXT NOT NULL);
INSERT OR IGNORE INTO users VALUES (1, 'Ada'), (2, 'Grace'), (7, 'Barbara');
INSERT OR IGNORE INTO orders VALUES (1, 1, 'a lamp'), (2, 7, 'a rope'), (3, 7, 'a bell');
"""


def create_app():  # noqa: C901 - as it was found
    app = Flask("old", static_folder=None)
    path = os.environ.get("LEGACY_DATABASE", "legacy.db")
    with sqlite3.connect(path) as setup:
        setup.executescript(SCHEMA)
    setup.close()

    def db():
        if "db" not in g:
            g.db = sqlite3.connect(path)
            g.db.row_factory = sqlite3.Row
        return g.db

    @app.teardown_appcontext
    def close(_error):
        if "db" in g:
            g.pop("db").close()

    @app.after_request
    def sign(response):
        response.headers["X-Served-By"] = "legacy"
        return response

    @app.errorhandler(404)
    def lost(_error):
        return jsonify(error="not found"), 404

    @app.get("/users")
    def users():
        return jsonify([dict(row) for row in db().execute("SELECT id, name FROM users ORDER BY id")])

    @app.get("/users/<int:user_id>")
    def user(user_id):
        row = db().execute("SELECT id, name FROM users WHERE id = ?", (user_id,)).fetchone()
        return jsonify(dict(row)) if row else abort(404)

    @app.get("/users/<int:user_id>/orders")
    def orders_of(user_id):
        rows = db().execute("SELECT id, user_id, item FROM orders WHERE user_id = ? ORDER BY id", (user_id,))
        return jsonify([dict(row) for row in rows])

    @app.get("/orders/<int:order_id>")
    def order(order_id):
        row = db().execute("SELECT id, user_id, item FROM orders WHERE id = ?", (order_id,)).fetchone()
        return jsonify(dict(row)) if row else abort(404)

    @app.post("/orders")
    def add_order():
        known = db().execute("SELECT 1 FROM users WHERE id = ?", (request.json["user_id"],)).fetchone()
        if not known:
            abort(404)
        with db():
            made = db().execute(
                "INSERT INTO orders (user_id, item) VALUES (?, ?)", (request.json["user_id"], request.json["item"])
            )
        return jsonify(id=made.lastrowid, user_id=request.json["user_id"], item=request.json["item"]), 201

    @app.get("/")
    def home():
        return "<!doctype html><title>The office</title><h1>The office</h1>"

    @app.get("/about")
    def about():
        return "<!doctype html><title>About</title><h1>About the office</h1>"

    @app.get("/reports/<path:name>")
    def report(name):
        return f"the report {name}", 200, {"Content-Type": "text/plain"}

    return app
