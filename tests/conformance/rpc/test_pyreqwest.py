"""pyreqwest keeps what every transport promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from decant.rpc.transports import Transport, transport_named
from tests.conformance.rpc.server import answers, toy_server
from tests.conformance.rpc.suite import TransportConformance

FORK_AFTER_A_CALL = """
import sys
from decant.rpc.transports import transport_named
from tests.conformance.rpc.suite import in_a_fork

used, unused = transport_named("pyreqwest"), transport_named("pyreqwest")
used.send("GET", sys.argv[1], {}, None, timeout_s=10)
for transport in (used, unused):
    print(in_a_fork(lambda: transport.send("GET", sys.argv[1], {}, None, timeout_s=10)))
"""
FORK_BEFORE_A_CALL = """
import sys
from decant.rpc.transports import transport_named
from tests.conformance.rpc.suite import in_a_fork

transport = transport_named("pyreqwest")
for _ in range(2):
    print(in_a_fork(lambda: transport.send("GET", sys.argv[1], {}, None, timeout_s=10)))
print(transport.send("GET", sys.argv[1], {}, None, timeout_s=10).status)
"""
FROM_THREADS_THAT_END = """
import sys, threading
from decant.rpc.transports import transport_named

transport = transport_named("pyreqwest")
for _ in range(5):
    thread = threading.Thread(target=transport.send, args=("GET", sys.argv[1], {}, None), kwargs={"timeout_s": 10})
    thread.start()
    thread.join()
print("alive")
"""


class TestPyreqwest(TransportConformance):
    @pytest.fixture
    def made(self) -> Transport:
        return transport_named("pyreqwest")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (FORK_BEFORE_A_CALL, "200\n200\n200\n"),
        (FORK_AFTER_A_CALL, "SetupError\nSetupError\n"),
        (FROM_THREADS_THAT_END, "alive\n"),
    ],
    ids=["fork-before", "fork-after", "threads"],
)
def test_the_native_client_in_processes_of_all_kinds(program: str, said: str) -> None:
    with toy_server(answers) as server:
        done = subprocess.run(
            [sys.executable, "-c", program, server.url], capture_output=True, text=True, timeout=50, check=False
        )
    assert done.stdout == said, done.stderr
