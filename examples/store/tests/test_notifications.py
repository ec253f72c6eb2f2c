"""Mail about orders: written once, kept for the mailbox, handed to a mail server where there is one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import Message
from email.parser import Parser
from typing import Any

import pytest
from sqlalchemy.orm import Session
from store.auth.api import UnknownUser
from store.notifications import module
from store.notifications.api import MailWritten
from store.notifications.handlers import post_mail, tell_cancelled, tell_paid, tell_refunded
from store.notifications.models import Base, MailRow
from store.notifications.post import Postman
from store.notifications.service import NotificationService
from store.notifications.settings import NotificationSettings
from store.orders.api import OrderCancelled, OrderPaid, OrderRefunded

from decant import Caller, Paging
from decant.db import assert_no_drift, assert_reversible
from decant.errors import AuthenticationError, Unavailable
from decant.events import Outbox
from examples.store.tests.conftest import session_of

PAID = OrderPaid(order_id="o1", user_id="ada", total_cents=123456)
CANCELLED = OrderCancelled(order_id="o1", user_id="ada", total_cents=3000, reason="Your card was declined.")
NO_SERVER = NotificationSettings()


class StubAuth:
    def find(self, user_id: str) -> Any:
        if user_id == "gone":
            raise UnknownUser(user_id=user_id)
        return type("Account", (), {"email": f"{user_id}@example.org"})


AUTH: Any = StubAuth()


@pytest.fixture
def db() -> Iterator[Session]:
    yield from session_of("notifications", Base)


def mailbox(db: Session, user_id: str | None = "ada") -> list[Any]:
    return NotificationService(db, Caller(user_id)).mailbox(Paging()).items


def with_server(port: int, **changes: Any) -> NotificationSettings:
    return NotificationSettings(smtp_url=f"smtp://127.0.0.1:{port}", smtp_starttls="never", smtp_timeout_s=2, **changes)


def test_a_paid_order_is_confirmed_in_the_mailbox(db: Session) -> None:
    tell_paid(PAID, db, AUTH, NO_SERVER)
    [mail] = mailbox(db)
    assert (mail.address, mail.state, mail.order_id) == ("ada@example.org", "kept", "o1")
    assert "€ 1,234.56" in mail.text
    assert Outbox.rows(db) == []


def test_a_cancelled_order_says_why(db: Session) -> None:
    tell_cancelled(CANCELLED, db, AUTH, NO_SERVER)
    assert "Your card was declined." in mailbox(db)[0].text


def test_news_are_listed_newest_first(db: Session) -> None:
    tell_paid(PAID, db, AUTH, NO_SERVER)
    tell_refunded(OrderRefunded(order_id="o1", user_id="ada", total_cents=3000), db, AUTH, NO_SERVER)
    assert [mail.subject.split()[1] for mail in mailbox(db)] == ["have", "you"]


def test_the_same_news_are_written_once(db: Session) -> None:
    for _ in range(2):
        tell_paid(PAID, db, AUTH, NO_SERVER)
    assert len(mailbox(db)) == 1


def test_whose_account_is_gone_gets_no_mail(db: Session) -> None:
    tell_paid(PAID.model_copy(update={"user_id": "gone"}), db, AUTH, NO_SERVER)
    assert mailbox(db, "gone") == []


def test_a_mailbox_is_its_owners(db: Session) -> None:
    tell_paid(PAID, db, AUTH, NO_SERVER)
    assert mailbox(db, "bob") == []
    with pytest.raises(AuthenticationError):
        mailbox(db, None)


def test_a_mail_server_gets_the_mail_once(db: Session) -> None:
    with mail_server() as (port, received):
        settings = with_server(port)
        mail_id = written(db, settings)
        for _ in range(2):
            post_mail(MailWritten(mail_id=mail_id), db, Postman(settings))
            db.commit()
    [mail] = received
    assert (mail["To"], mail["Message-ID"]) == ("ada@example.org", f"<{mail_id}@store.example>")
    assert mailbox(db)[0].state == "sent"


def test_mail_waits_while_the_mail_server_is_down(db: Session) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        settings = with_server(probe.getsockname()[1])
    mail_id = written(db, settings)
    with pytest.raises(Unavailable, match="did not take"):
        post_mail(MailWritten(mail_id=mail_id), db, Postman(settings))
    assert db.get_one(MailRow, mail_id).state == "waiting"


def test_nothing_is_said_in_the_clear_where_encryption_is_required(db: Session) -> None:
    with mail_server() as (port, received):
        settings = NotificationSettings(smtp_url=f"smtp://ada:secret@127.0.0.1:{port}", smtp_timeout_s=2)
        mail_id = written(db, settings)
        with pytest.raises(Unavailable, match="STARTTLS"):
            post_mail(MailWritten(mail_id=mail_id), db, Postman(settings))
    assert received == []


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="smtp://user:password@host:587"):
        NotificationSettings(smtp_url=url)


def test_the_revisions_lead_to_the_models_and_back() -> None:
    assert_no_drift(module)
    assert_reversible(module)


def written(db: Session, settings: NotificationSettings) -> str:
    """Have a mail written, and return the id that its event carries."""
    tell_paid(PAID, db, AUTH, settings)
    [row] = Outbox.rows(db)
    db.commit()
    return str(row.payload["mail_id"])


@contextmanager
def mail_server() -> Iterator[tuple[int, list[Message]]]:
    """Take mail on a port of this machine."""
    received: list[Message] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=take_mail, args=(listener, received), daemon=True)
        thread.start()
        yield listener.getsockname()[1], received
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def take_mail(listener: socket.socket, received: list[Message]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as stream:
            talk(stream, received)


def talk(stream: Any, received: list[Message]) -> None:
    """Speak as much SMTP as one mail needs."""

    def say(line: str) -> None:
        stream.write(line.encode() + b"\r\n")
        stream.flush()

    say("220 mail")
    while line := stream.readline().decode().strip():
        if line.lower() == "data":
            say("354 go on")
            lines = list(iter(lambda: stream.readline().decode(), ".\r\n"))
            received.append(Parser().parsestr("".join(lines)))
        elif line.lower() == "quit":
            say("221 bye")
            return
        say("250 mail")
