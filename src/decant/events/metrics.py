"""What events tell about themselves.

``decant_events_outbox_rows`` wait for the transport, the oldest for ``decant_events_outbox_oldest_seconds``;
``decant_events_total`` counts by ``outcome``: ``handled``, ``failed`` (it is tried again) or ``parked``.
"""

from __future__ import annotations

from decant.observe.metrics import Family, counter, gauge, histogram

OUTBOX_ROWS = Family(
    gauge("decant_events_outbox_rows", "Events that wait in the outbox; 10000 stands for more.", ("module",))
)
OUTBOX_OLDEST = Family(
    gauge("decant_events_outbox_oldest_seconds", "How long the outbox's oldest event has waited.", ("module",))
)
WAITING = Family(gauge("decant_events_waiting", "Events that a handler is to try again.", ("module",)))
EVENTS = Family(
    counter("decant_events_total", "Events by what became of them at a handler.", ("module", "type", "outcome"))
)
DURATION = Family(
    histogram("decant_event_handler_duration_seconds", "Duration of an event's handlers.", ("module", "type"))
)
