import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from decant.settings import Settings


def is_key(secret: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 24:
        raise ValueError("it has to be whsec_ and at least 24 random bytes in Base64")
    return secret


class PaymentSettings(Settings):
    provider_url: str = "http://127.0.0.1:8300"
    """Where the payment provider answers."""
    timeout_s: float = Field(2.0, gt=0)
    """Seconds for which one question to the provider is waited for."""
    callback_url: str | None = None
    """Where the provider reports to: this module's /payments/callbacks as the provider reaches it."""
    webhook_secret: Annotated[SecretStr, AfterValidator(is_key)] | None = None
    """Signs the provider's reports; without it none are taken."""
