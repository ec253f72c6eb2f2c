"""The transports of calls between services: one HTTP request, one answer, and what is known when there is none."""

from decant.rpc.transports.base import Answer, Capabilities, Transport
from decant.rpc.transports.registry import AUTO, TRANSPORTS, transport_named

__all__ = ["AUTO", "TRANSPORTS", "Answer", "Capabilities", "Transport", "transport_named"]
