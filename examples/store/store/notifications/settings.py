from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from decant.settings import Settings


def is_smtp(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("write smtp://user:password@host:587, or smtps://… for a port that is encrypted throughout")
    return url


class NotificationSettings(Settings):
    smtp_url: Annotated[SecretStr, AfterValidator(is_smtp)] | None = None
    """The mail server; without one, mail is kept for the mailbox page alone."""
    smtp_starttls: Literal["required", "offered", "never"] = "required"
    """Whether a connection that begins in the clear (smtp://) is encrypted before anything is said."""
    smtp_timeout_s: float = Field(10.0, gt=0)
    """Seconds for which the mail server is waited for."""
    sender: str = "The Harbour Store <shop@store.example>"
    """Who the mail is from."""
