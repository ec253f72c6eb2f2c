"""Folders of modules made for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from decant.modules import MicroServicesApp

INIT = """
from decant.modules import Router
from . import urls

MODULE_NAME = {name!r}
IMPORT_NAME = __name__

blueprint = Router.create_blueprint(MODULE_NAME, IMPORT_NAME)
blueprint.register_urls(urls.urlpatterns)
"""
URLS = """
from decant.modules import url
from . import views

urlpatterns = [{urls}]
"""
VIEWS = """
from flask import render_template, url_for

def home():
    return {name!r}

def main():
    return render_template("main.html")
"""


def get(app: Flask, path: str) -> tuple[int, str]:
    """The status and the text of an answer, closed: a static file would stay open otherwise."""
    with app.test_client().get(path, follow_redirects=True) as response:
        return response.status_code, response.text


class Tree:
    """An application's root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def module(
        self,
        name: str,
        *,
        folder: str = "modules",
        urls: str | None = None,
        views: str = "",
        init: str | None = None,
        templates: dict[str, str] | None = None,
        static: dict[str, str] | None = None,
    ) -> None:
        """Write a module with a view `home` at `/<name>/` and a view `main`, which renders main.html, below it."""
        short = name.rpartition("/")[2]
        here = f"{folder}/{name}"
        urls = urls or f"url('/{short}/', views.home), url('/{short}/main', views.main)"
        self.write(f"{here}/__init__.py", INIT.format(name=short) if init is None else init)
        self.write(f"{here}/urls.py", URLS.format(urls=urls))
        self.write(f"{here}/views.py", VIEWS.format(name=short) + views)
        self.files(f"{here}/templates", templates)
        self.files(f"{here}/static", static)

    def files(self, folder: str, files: dict[str, str] | None) -> None:
        for name, text in (files or {}).items():
            self.write(f"{folder}/{name}", text)

    def app(self, *enabled: str, **options: Any) -> MicroServicesApp:
        app = MicroServicesApp("plugin_app", root_path=str(self.root))
        app.register_urls(list(enabled), **options)
        return app


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "root")


@pytest.fixture
def other_tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "other")


class Workspace:
    """A package of modules that can be imported while the test runs."""

    def __init__(self, root: Path, package: str) -> None:
        self.root = root
        self.package = package
        self.write("__init__.py")

    def write(self, path: str, text: str = "") -> Path:
        file = self.root / self.package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def module(self, name: str, **parts: str) -> None:
        """Write a module; each part is the text of a sub-module."""
        self.write(f"{name}/__init__.py", "from decant.modules import Module\n\nmodule = Module(__name__)\n")
        for part, text in parts.items():
            self.write(f"{name}/{part}.py", text)

    def imported(self) -> set[str]:
        """The names below the package that are imported now."""
        prefix = f"{self.package}."
        return {name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix)}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    package = f"shop_{tmp_path.name}"
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Workspace(tmp_path, package)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
