"""How a service works on sagas is a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant import create_app
from decant.errors import SettingsError
from decant.service import runtime_of
from tests.acceptance.running import STORE


def test_the_pace_of_sagas_is_set_by_the_environment(tmp_path: Path) -> None:
    environ = {"DECANT_HOME": str(tmp_path), "DECANT_SAGAS_CONCURRENCY": "3", "DECANT_SAGAS_LEASE_S": "9"}
    sagas = runtime_of(create_app(config=STORE / "decant.toml", environ=environ)).sagas
    assert sagas is not None
    assert {(one.pace.concurrency, one.pace.lease_s) for one in sagas.dispatchers.values()} == {(3, 9.0)}


def test_a_pace_of_nothing_is_refused(tmp_path: Path) -> None:
    environ = {"DECANT_HOME": str(tmp_path), "DECANT_SAGAS_CONCURRENCY": "0"}
    with pytest.raises(SettingsError, match="DECANT_SAGAS_CONCURRENCY"):
        create_app(config=STORE / "decant.toml", environ=environ)
