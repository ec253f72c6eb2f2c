"""Why an order is cancelled: what customers read is what happened to their money."""

from collections.abc import Mapping

from decant import DomainError
from decant.sagas import Failure

PAYBACK = "If anything was taken from your card, it has been paid back."
REFUNDED = "The shop has paid this order back: the whole amount goes to the card that it came from."


class NotEnoughLeft(DomainError, code="orders.not-enough-left", status=409):
    """There are only {left} of “{product_name}” left. You have not been charged."""

    product_name: str
    left: int

    def _describe(self) -> str:
        if self.left > 0:
            return super()._describe()
        return f"“{self.product_name}” is sold out. You have not been charged."


class CancelledByCustomer(DomainError, code="orders.cancelled-by-customer", status=409):
    """You cancelled this order. If anything was taken from your card, it has been paid back."""


REASONS: Mapping[str, str] = {
    "payments.declined": "Your card was declined. You have not been charged.",
    "payments.provider-silent": f"The payment company did not answer in time. {PAYBACK}",
    "payments.provider-unreachable": f"The payment company could not be reached. {PAYBACK}",
    "catalog.unknown-product": "One of the products is not sold any more. You have not been charged.",
    "saga.operator": f"The shop has cancelled this order. {PAYBACK}",
}


def in_words(failure: Failure) -> str:
    """Return what to tell the customer."""
    if failure.code in {NotEnoughLeft.code, CancelledByCustomer.code}:
        return failure.detail
    return REASONS.get(failure.code, f"The order could not be completed in time. {PAYBACK}")
