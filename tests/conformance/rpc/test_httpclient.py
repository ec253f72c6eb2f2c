"""``http.client`` keeps what every transport promises."""

from __future__ import annotations

import pytest

from decant.rpc.transports import Transport, transport_named
from tests.conformance.rpc.suite import SHORT_S, TransportConformance, full_backlog


class TestHttpClient(TransportConformance):
    @pytest.fixture
    def made(self) -> Transport:
        return transport_named("http.client")

    def test_a_deadline_before_the_connection_is_known_to_have_stopped_the_request(self, transport: Transport) -> None:
        with full_backlog() as url:
            assert not self.fails(transport, url, SHORT_S).may_have_run
