"""What other modules and the public may ask about the mail that the shop has sent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from decant import Contract, Event, Page, Paging, get
from decant.auth import require_user

MailState = Literal["kept", "waiting", "sent"]
"""In the mailbox page alone; on its way to the mail server; taken by the mail server."""


class Mail(BaseModel):
    id: str
    order_id: str
    address: str
    subject: str
    text: str
    state: MailState
    created_at: datetime


class MailWritten(Event, type="notifications.mail-written", key="mail_id"):
    mail_id: str


class Notifications(Contract):
    @get("/mails", public=True, guard=require_user)
    def mailbox(self, paging: Paging) -> Page[Mail]:
        """List the mail to whoever is signed in, the newest first."""
        ...

    @get("/users/<user_id>/mails")
    def sent_to(self, user_id: str, paging: Paging) -> Page[Mail]:
        """List the mail to a user, the newest first."""
        ...
