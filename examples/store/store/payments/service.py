from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.payments.api import Charge, ChargeStatus, Declined, PaymentMethod, Payments, UnknownCharge
from store.payments.faults import simulated
from store.payments.models import CallbackRow, ChargeRow
from store.payments.provider import Provider
from store.payments.settings import PaymentSettings


class PaymentService(Payments):
    """Asks the provider first, always: it alone knows what was charged. What it says is noted."""

    def __init__(self, db: Session, settings: PaymentSettings) -> None:
        self.db = db
        self.provider = Provider(settings)

    def charge(self, order_id: str, amount_cents: int, method: PaymentMethod) -> Charge:
        try:
            charge = self.provider.charge(order_id, amount_cents, method, simulated())
        except Declined:
            self._note(order_id, amount_cents, method, "declined")
            self.db.commit()
            raise
        return self._noted(charge)

    def find(self, order_id: str) -> Charge:
        charge = self.provider.find(order_id)
        if charge is None:
            raise UnknownCharge(order_id=order_id)
        return self._noted(charge)

    def refund(self, order_id: str) -> None:
        charge = self.provider.refund(order_id)
        if charge is None:
            self._note(order_id, 0, "", "voided")
        else:
            self._noted(charge)

    def take_report(self, message_id: str, charge: Charge) -> None:
        """Note what the provider reported by itself; the same report counts once."""
        if self.db.get(CallbackRow, message_id) is not None:
            return
        try:
            with self.db.begin_nested():
                self.db.add(CallbackRow(id=message_id))
        except IntegrityError:
            return  # it has come a second time meanwhile
        self._noted(charge)

    def _noted(self, charge: Charge) -> Charge:
        self._note(charge.order_id, charge.amount_cents, charge.method, charge.status)
        return charge

    def _note(self, order_id: str, amount_cents: int, method: str, status: ChargeStatus) -> None:
        """Write down what the provider said; what was paid back stays so, whatever arrives late."""
        if self.db.get(ChargeRow, order_id) is None:
            row = ChargeRow(order_id=order_id, amount_cents=amount_cents, method=method, status=status)
            try:
                with self.db.begin_nested():
                    self.db.add(row)
                return
            except IntegrityError:
                pass  # another call has noted it meanwhile
        found = self.db.get_one(ChargeRow, order_id, populate_existing=True, with_for_update=True)
        if found.status not in {"refunded", "voided"}:
            found.status = status
