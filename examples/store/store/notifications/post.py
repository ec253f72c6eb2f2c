"""Handing mail to a mail server."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from decant.errors import Unavailable
from store.notifications.models import MailRow
from store.notifications.settings import NotificationSettings


class Postman:
    """Hands mail to the mail server that the settings name."""

    def __init__(self, settings: NotificationSettings) -> None:
        self.settings = settings

    def deliver(self, message: EmailMessage) -> None:
        """Hand a mail over; its Message-ID is the same each time, so that a repetition can be told.

        Raises:
            Unavailable: When the mail server does not take it now.
        """
        if self.settings.smtp_url is None:
            raise Unavailable("No mail server is set.", hint="NOTIFICATIONS_SMTP_URL names it.")
        url = urlsplit(self.settings.smtp_url.get_secret_value())
        try:
            with connect(self.settings, url.scheme, url.hostname or "", url.port) as server:
                if url.username:
                    server.login(unquote(url.username), unquote(url.password or ""))
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"The mail server did not take {message['Message-ID']}: {error}") from error


def connect(settings: NotificationSettings, scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    """Return a connection to the mail server, encrypted as the settings ask for it.

    Raises:
        OSError: When it cannot be reached, or proves to be somebody else.
        smtplib.SMTPException: When it does not offer what is required.
    """
    if scheme == "smtps":
        tls = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port or 465, timeout=settings.smtp_timeout_s, context=tls)
    server = smtplib.SMTP(host, port or 587, timeout=settings.smtp_timeout_s)
    try:
        server.ehlo()
        wanted = settings.smtp_starttls
        if wanted == "required" or (wanted == "offered" and server.has_extn("starttls")):
            server.starttls(context=ssl.create_default_context())
    except BaseException:
        server.close()
        raise
    return server


def letter(sender: str, mail: MailRow) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.address
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@store.example>"
    message.set_content(mail.text)
    return message
