"""The shop of a session: one for each variant, shared by all suites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from decant.testing import RunningTopology, Variant
from tests.acceptance.store import Setting, Store, opened, store_setting


@pytest.fixture(scope="session")
def setting(topology_variant: Variant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    with store_setting(topology_variant, tmp_path_factory.mktemp("store")) as made:
        yield made


@pytest.fixture(scope="session")
def workspace_folder(setting: Setting) -> Path:
    return setting.root


@pytest.fixture(scope="session")
def topology_env(setting: Setting) -> Mapping[str, str]:
    return setting.env


@pytest.fixture(scope="session")
def store(setting: Setting, topology: RunningTopology) -> Store:
    return opened(setting, topology)
