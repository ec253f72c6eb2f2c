from decant import Contract, post, put
from tests.support.bank import Refused


class Ledger(Contract):
    @post("/ledger/book/<name>", public=True, errors=(Refused,))
    def book(self, name: str) -> int: ...

    @post("/ledger/charge/<name>", public=True, idempotent=True, errors=(Refused,))
    def charge(self, name: str) -> int: ...

    @put("/ledger/keep/<name>", public=True, idempotent="natural", errors=(Refused,))
    def keep(self, name: str) -> int: ...
