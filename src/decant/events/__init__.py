"""Events between modules: committed with the change they tell of, delivered at least once, applied once."""

from decant.events.base import Capabilities, Lag, Message, MessageRefused, Subscription, Transport
from decant.events.consumer import Consumer, Retry
from decant.events.embedded import EmbeddedTransport
from decant.events.envelope import Envelope, UnreadableEvent, decode, encode
from decant.events.event import Event
from decant.events.handlers import event_of, handlers_in, on
from decant.events.outbox import Outbox, publish
from decant.events.relay import Relay
from decant.events.retries import DeadLetter, Retries
from decant.events.runner import EventRunner, Participant
from decant.events.transports import transport_for

__all__ = [
    "Capabilities",
    "Consumer",
    "DeadLetter",
    "EmbeddedTransport",
    "Envelope",
    "Event",
    "EventRunner",
    "Lag",
    "Message",
    "MessageRefused",
    "Outbox",
    "Participant",
    "Relay",
    "Retries",
    "Retry",
    "Subscription",
    "Transport",
    "UnreadableEvent",
    "decode",
    "encode",
    "event_of",
    "handlers_in",
    "on",
    "publish",
    "transport_for",
]
