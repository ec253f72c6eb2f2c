import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.till.api import Receipt, Refused, Till
from tests.support.till.models import Charge


class TillService(Till):
    def __init__(self, db: Session) -> None:
        self.db = db

    def charge(self, order: str, cents: int, pause_s: float = 0.0) -> Receipt:
        charge = Charge(order=order, cents=cents)
        self.db.add(charge)
        self.db.flush()
        if pause_s:
            time.sleep(pause_s)  # what the test means to interrupt
        return Receipt(number=charge.id, order=order, cents=cents)

    def refund(self, order: str, cents: int) -> Receipt:
        return self.charge(order, -cents)

    def charge_in_parts(self, order: str, cents: int, pause_s: float = 0.0, fail: bool = False) -> Receipt:
        receipt = self.charge(order, cents)
        self.db.commit()
        if pause_s:
            time.sleep(pause_s)  # what the test means to interrupt
        if fail:
            raise Refused
        return receipt

    def void(self, order: str) -> str:
        return "void"

    def look_and_fail(self, order: str) -> None:
        self.db.scalar(select(Charge.id).where(Charge.order == order))
        self.db.commit()
        raise Refused

    def charge_carelessly(self, order: str, cents: int, pause_s: float = 0.0) -> Receipt:
        return self.charge(order, cents, pause_s)
