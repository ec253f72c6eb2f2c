"""What other modules may ask about payments; the public asks nothing here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from decant import Contract, DomainError, NotFoundError, get, post, put

PaymentMethod = Literal["pm_ok", "pm_declined", "pm_timeout", "pm_timeout_captured", "pm_twice"]
"""The test cards: good; declined; no answer and nothing taken; taken but no answer; reported back twice."""
ChargeStatus = Literal["captured", "declined", "refunded", "voided"]
Cents = Annotated[int, Field(ge=1)]


class Charge(BaseModel):
    """What became of the payment for an order, as the provider has it."""

    order_id: str
    amount_cents: int
    method: PaymentMethod
    status: ChargeStatus


class Declined(DomainError, code="payments.declined", status=409):
    """The card was declined. Nothing was taken from it."""


class ChargeVoided(DomainError, code="payments.charge-voided", status=409):
    """The payment for this order was taken back, so it can not be charged any more."""


class UnknownCharge(NotFoundError, code="payments.unknown-charge"):
    """The provider knows of no payment for the order {order_id}."""

    order_id: str


class ProviderSilent(DomainError, code="payments.provider-silent", status=504, retryable=True):
    """The payment provider did not answer in time: whether anything was taken is not known yet."""


class ProviderUnreachable(DomainError, code="payments.provider-unreachable", status=503, retryable=True):
    """The payment provider at {provider_url} cannot be reached."""

    provider_url: str


class Payments(Contract):
    @put("/charges/<order_id>", idempotent="natural")
    def charge(self, order_id: str, amount_cents: Cents, method: PaymentMethod) -> Charge:
        """Take the money for an order, once however often this is called."""
        ...

    @get("/charges/<order_id>")
    def find(self, order_id: str) -> Charge:
        """Ask the provider what became of the payment for an order."""
        ...

    @post("/charges/<order_id>/refund", idempotent="natural")
    def refund(self, order_id: str) -> None:
        """Pay back what was taken for an order, once, and let nothing be taken for it any more."""
        ...
