from decant import Contract, post
from tests.support.till.api import Receipt


class Desk(Contract):
    @post("/checkouts/<order>", public=True)
    def check_out(self, order: str, cents: int) -> list[Receipt]: ...
