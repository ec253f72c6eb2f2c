"""The envelope around an event on the wire: CloudEvents 1.0, structured JSON.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, and its extension for
distributed tracing. ``schemaversion`` is an extension of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from decant.context import CallContext
from decant.errors import DecantError
from decant.events.event import Event

_EventClass = type[Event]


class UnreadableEvent(DecantError):
    """A message holds no event that can be read: retrying cannot help."""

    code = "events.unreadable"
    title = "Unreadable event"


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it arrived.

    Attributes:
        id: Unique per event; what makes a redelivery recognisable.
        type: The event's stable name.
        source: The publishing module, as ``/<module>``.
        subject: The value that orders events, or "".
        version: The schema's version.
        traceparent: The trace it was published in (W3C), or "".
        data: The event's fields.
    """

    id: str
    type: str
    source: str
    subject: str
    version: int
    traceparent: str
    data: Any

    def read_as(self, kind: _EventClass) -> Event:
        """Return the event as ``kind``; an older version is upgraded, fields that it does not know are ignored.

        Raises:
            UnreadableEvent: When the data does not fit.
        """
        data = self.data
        if self.version < kind.event_version and isinstance(data, dict):
            data = self._upgraded(kind, data)
        try:
            return kind.model_validate_json(orjson.dumps(data), extra="ignore")
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise UnreadableEvent(f"{self.type} is not a {kind.__name__}: {faults}", hint=self._hint(kind)) from error

    def _upgraded(self, kind: _EventClass, data: dict[str, Any]) -> Any:
        try:
            return kind.upgrade(dict(data), self.version)
        except Exception as error:
            raise UnreadableEvent(
                f"{kind.__name__}.upgrade() cannot read version {self.version} of {self.type}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _hint(self, kind: _EventClass) -> str | None:
        """Say which side is older, where the versions differ."""
        if self.version < kind.event_version:
            return (
                f"It was published as version {self.version}, this service reads {kind.event_version}: "
                f"define {kind.__name__}.upgrade(), then `decant events retry`."
            )
        if self.version > kind.event_version:
            return (
                f"It was published as version {self.version}, this service knows {kind.event_version}: "
                "deploy the newer reader, then `decant events retry`."
            )
        return None


def encode(event: Event, event_id: str, module: str, context: CallContext) -> bytes:
    """Return the envelope of an event as JSON."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/{module}",
        "type": event.event_type,
        "time": datetime.now(UTC),
        "datacontenttype": "application/json",
        "schemaversion": event.event_version,
        "data": orjson.Fragment(event.__pydantic_serializer__.to_json(event)),
    }
    if event.event_key is not None:
        envelope["subject"] = event.key_value()
    if context.trace_id and context.span_id:
        envelope["traceparent"] = f"00-{context.trace_id}-{context.span_id}-{'01' if context.sampled else '00'}"
    return orjson.dumps(envelope)


def decode(payload: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        UnreadableEvent: For what is no CloudEvents 1.x document.
    """
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise UnreadableEvent(f"The message is not JSON: {error}") from error
    if not isinstance(document, dict) or not str(document.get("specversion", "")).startswith("1."):
        raise UnreadableEvent("The message is not a CloudEvents 1.x document.")
    for name in ("id", "source", "type"):
        if not isinstance(document.get(name), str) or not document[name]:
            raise UnreadableEvent(f"The message lacks the CloudEvents attribute {name!r}.")
    version = document.get("schemaversion", 1)
    return Envelope(
        id=document["id"],
        type=document["type"],
        source=document["source"],
        subject=str(document.get("subject", "")),
        version=version if isinstance(version, int) else 1,
        traceparent=str(document.get("traceparent", "")),
        data=document.get("data"),
    )
