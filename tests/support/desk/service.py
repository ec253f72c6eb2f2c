from decant.context import idempotency_key
from tests.support.desk.api import Desk
from tests.support.till.api import Receipt, Till


class DeskService(Desk):
    def __init__(self, till: Till) -> None:
        self.till = till

    def check_out(self, order: str, cents: int) -> list[Receipt]:
        with idempotency_key(f"{order}:charge"):
            return [self.till.charge(order, cents), self.till.charge(order, cents)]
