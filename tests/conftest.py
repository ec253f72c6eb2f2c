"""Plugins that every test may use."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester", "tests.support.needs", "tests.support.servers", "tests.support.trials"]

if find_spec("pytest_playwright"):  # the environment of the lowest Flask has no browser driver
    pytest_plugins.append("tests.support.browser")

# A busy machine is no finding: nothing is timed by examples. CI tries the same ones each time.
settings.register_profile(
    "decant", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("decant")


# A job in the background of a script ignores SIGINT, and so would every server that the tests start and stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the browser plugin's own, whose way of being declared warns under pytest 9."""
