"""Importing Decant costs next to nothing: what a feature needs is imported where the feature is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
before = set(sys.modules)
import {module}
print("\\n".join(sorted(set(sys.modules) - before)))
"""
STANDARD = frozenset(sys.stdlib_module_names)


def imported_by(module: str) -> set[str]:
    """Return what importing a module imports, in a fresh interpreter."""
    command = [sys.executable, "-I", "-c", SCRIPT.format(module=module)]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def top_level(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules} - STANDARD


def test_import_decant_imports_nothing_but_itself_and_a_little_standard_library() -> None:
    modules = imported_by("decant")
    assert top_level(modules) == {"decant"}
    assert {module for module in modules if module.startswith("decant")} == {"decant"}
    assert len(modules) <= 40, sorted(modules)


@pytest.mark.parametrize("module", ["errors", "context", "clock", "ids", "wiring", "home", "sqlite"])
def test_the_lowest_layer_imports_only_the_standard_library(module: str) -> None:
    assert top_level(imported_by(f"decant.{module}")) == {"decant"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("settings", {"flask", "werkzeug", "sqlalchemy", "alembic", "prometheus_client", "granian", "pyreqwest"}),
        ("observe", {"flask", "werkzeug", "sqlalchemy", "alembic", "granian", "pyreqwest", "opentelemetry"}),
        ("modules", {"sqlalchemy", "alembic", "granian", "pyreqwest", "opentelemetry"}),
        ("http", {"sqlalchemy", "alembic", "granian", "pyreqwest", "opentelemetry", "flask_smorest"}),
        ("contracts", {"sqlalchemy", "alembic", "granian", "pyreqwest", "opentelemetry"}),
        ("serving.granian", {"flask", "werkzeug", "pydantic", "prometheus_client", "sqlalchemy"}),
        ("serving.boot", {"flask", "werkzeug", "pydantic", "prometheus_client", "sqlalchemy", "granian"}),
        ("cli", {"sqlalchemy", "alembic", "granian", "pyreqwest", "flask", "pydantic", "decant_tools"}),
    ],
)
def test_a_part_does_not_import_what_other_parts_need(module: str, heavy: set[str]) -> None:
    assert top_level(imported_by(f"decant.{module}")) & heavy == set()
