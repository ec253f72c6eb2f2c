"""Ways in which every payment fails while somebody wants to see it, whatever card the customer chose."""

from __future__ import annotations

from collections.abc import Mapping

from decant.faults import Switch
from store.payments.api import PaymentMethod

declined = Switch("payments.declined", "Every card is declined.")
timeout = Switch("payments.timeout", "The payment company does not answer, and takes nothing.")
captured = Switch("payments.timeout-captured", "The payment company takes the money, and its answer gets lost.")
twice = Switch("payments.twice", "The payment company reports every payment twice.")

CARDS: Mapping[Switch, PaymentMethod] = {
    declined: "pm_declined",
    timeout: "pm_timeout",
    captured: "pm_timeout_captured",
    twice: "pm_twice",
}


def simulated() -> PaymentMethod | None:
    """Return the test card that all cards behave like now; of several switches the first one acts."""
    return next((card for switch, card in CARDS.items() if switch.on), None)
