import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, Field, SecretStr

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
    provider_url: str = Field(
        "http://127.0.0.1:8300", validation_alias=AliasChoices("PAYMENTS_PROVIDER_URL", "PROVIDER_SERVICE_URL")
    )
    """Where the payment provider answers; `decant up`, which starts it, says so by the second name."""
    timeout_s: float = Field(2.0, gt=0)
    """Seconds for which one question to the provider is waited for."""
    callback_url: str | None = None
    """Where the provider reports to: this module's /payments/callbacks as the provider reaches it."""
    edge_url: str | None = Field(None, validation_alias="DECANT_EDGE_URL")
    """The public address, below which that is found where it is not said."""
    webhook_secret: Annotated[SecretStr, AfterValidator(is_key)] | None = Field(
        None, validation_alias=AliasChoices("PAYMENTS_WEBHOOK_SECRET", "PROVIDER_SERVICE_SECRET")
    )
    """Signs the provider's reports; without it none are taken."""

    @property
    def reports_to(self) -> str | None:
        """Where the provider shall report to, if anywhere."""
        return self.callback_url or (f"{self.edge_url.rstrip('/')}/payments/callbacks" if self.edge_url else None)
