"""Calls that leave the process."""

from decant.rpc.answers import TOKEN_REFUSED
from decant.rpc.client import DEADLINE_HEADER, SERVICE_TOKEN_HEADER, Target, remote_client
from decant.rpc.transports import Answer, Transport, transport_named

__all__ = [
    "DEADLINE_HEADER",
    "SERVICE_TOKEN_HEADER",
    "TOKEN_REFUSED",
    "Answer",
    "Target",
    "Transport",
    "remote_client",
    "transport_named",
]
