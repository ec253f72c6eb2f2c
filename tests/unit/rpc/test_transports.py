"""Which transport a name means."""

from __future__ import annotations

import pytest

from decant.errors import MissingExtra, SetupError
from decant.rpc.transports import TRANSPORTS, registry, transport_named


def test_every_transport_goes_by_the_name_that_it_is_listed_under() -> None:
    assert {name: transport_named(name).name for name in TRANSPORTS} == {name: name for name in TRANSPORTS}


def test_the_fast_one_is_chosen_where_nothing_is_patched() -> None:
    assert transport_named().name == "pyreqwest"


def test_an_unknown_name_is_told_with_its_neighbour() -> None:
    with pytest.raises(SetupError, match=r"no transport `pyrequest`\. Did you mean `pyreqwest`\?") as caught:
        transport_named("pyrequest")
    assert "http.client" in str(caught.value.hint)


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry._class("pyreqwest"), "package", "no_such_package")
    with pytest.raises(MissingExtra, match="no_such_package"):
        transport_named()


def test_a_patched_process_takes_the_one_that_waits_cooperatively(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_sockets_are_patched", lambda: True)
    assert transport_named().name == "http.client"
    with pytest.raises(SetupError, match="stops every request of a gevent worker"):
        transport_named("pyreqwest")
