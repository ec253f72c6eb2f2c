"""Plugins that every test may use."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytest_plugins = ["pytester", "tests.support.needs", "tests.support.servers"]

if find_spec("pytest_playwright"):  # the environment of the lowest Flask has no browser driver
    pytest_plugins.append("tests.support.browser")


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the browser plugin's own, whose way of being declared warns under pytest 9."""
