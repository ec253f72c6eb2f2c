"""Events between modules: committed with the change they tell of, delivered at least once, applied once."""

from decant.events.base import DeadLetter, Message, Transport
from decant.events.consumer import Consumer, Retry
from decant.events.embedded import EmbeddedTransport
from decant.events.envelope import Envelope, UnreadableEvent, decode, encode
from decant.events.event import Event
from decant.events.handlers import event_of, handlers_in, on
from decant.events.outbox import publish
from decant.events.relay import Relay
from decant.events.runner import EventRunner, Participant

__all__ = [
    "Consumer",
    "DeadLetter",
    "EmbeddedTransport",
    "Envelope",
    "Event",
    "EventRunner",
    "Message",
    "Participant",
    "Relay",
    "Retry",
    "Transport",
    "UnreadableEvent",
    "decode",
    "encode",
    "event_of",
    "handlers_in",
    "on",
    "publish",
]
