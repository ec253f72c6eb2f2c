"""The payment provider as a client sees it: what it answered, or that nobody knows."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from decant.context import current
from decant.errors import DeadlineExceeded, RemoteCallError
from decant.rpc import transport_named
from store.payments.api import Charge, ChargeVoided, Declined, PaymentMethod, ProviderSilent, ProviderUnreachable
from store.payments.settings import PaymentSettings

TRANSPORT = transport_named()  # made where this is imported: in a thread that stays
HINT = "`decant up` starts it. By hand: python -m provider --port 8300; PAYMENTS_PROVIDER_URL says where it is."


class Provider:
    """Asks the provider; each question ends at the call's deadline, or earlier.

    Thread-safety: share it freely.
    """

    def __init__(self, settings: PaymentSettings) -> None:
        self._url = settings.provider_url.rstrip("/")
        self._timeout_s = settings.timeout_s
        self._callback_url = settings.reports_to

    def charge(
        self, key: str, amount_cents: int, method: PaymentMethod, simulate: PaymentMethod | None = None
    ) -> Charge:
        """Have a card charged, once for each key.

        Args:
            key: Charged once.
            amount_cents: How much.
            method: The card.
            simulate: The test card that it shall behave like; like itself by default.

        Raises:
            Declined: When it was declined.
            ChargeVoided: When it was taken back before.
            ProviderSilent: When nobody knows.
            ProviderUnreachable: When it was never asked.
        """
        asked = {"amount_cents": amount_cents, "method": method, "callback_url": self._callback_url}
        if simulate is not None:
            asked["simulate"] = simulate
        status, answer = self._ask("PUT", key, asked)
        if status == 402:
            raise Declined
        if status == 410:
            raise ChargeVoided
        return self._charge(status, answer)

    def find(self, key: str) -> Charge | None:
        """Return what became of a charge, or None when there is none, or only the note that there shall be none."""
        status, answer = self._ask("GET", key)
        if status == 404 or answer.get("status") == "voided":
            return None
        return self._charge(status, answer)

    def refund(self, key: str) -> Charge | None:
        """Have a charge paid back, once, and never charged again; return it, or None when nothing was charged."""
        status, answer = self._ask("POST", f"{key}/refund")
        if status != 200:
            raise ProviderSilent(f"The payment provider answered {status} when asked for a refund.")
        return None if answer.get("status") == "voided" else self._charge(status, answer)

    def _ask(self, method: str, path: str, asked: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        url = f"{self._url}/charges/{quote(path)}"
        body = None if asked is None else orjson.dumps(asked)
        left_s = current.get().remaining_s()
        timeout_s = self._timeout_s if left_s is None else max(0.001, min(left_s, self._timeout_s))
        try:
            answer = TRANSPORT.send(method, url, {"Content-Type": "application/json"}, body, timeout_s=timeout_s)
            return answer.status, orjson.loads(answer.body)
        except DeadlineExceeded as error:
            raise ProviderSilent from error
        except RemoteCallError as error:
            if error.may_have_run:
                raise ProviderSilent from error
            unreachable = ProviderUnreachable(provider_url=self._url)
            unreachable.hint = HINT
            raise unreachable from error
        except orjson.JSONDecodeError as error:
            raise ProviderSilent("The payment provider answered with something that is no JSON.") from error

    @staticmethod
    def _charge(status: int, answer: dict[str, Any]) -> Charge:
        if status != 200:
            raise ProviderSilent(f"The payment provider answered {status}: {answer.get('error', 'no reason given')}")
        return Charge(
            order_id=answer["key"],
            amount_cents=answer["amount_cents"],
            method=answer["method"],
            status=answer["status"],
        )
