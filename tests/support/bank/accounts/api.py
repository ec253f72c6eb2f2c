from decant import Contract, get, post, put
from tests.support.bank import Refused


class Accounts(Contract):
    @get("/accounts/read/<name>", public=True)
    def read(self, name: str) -> int: ...

    @put("/accounts/set/<name>", public=True, idempotent="natural", errors=(Refused,))
    def set(self, name: str) -> int: ...

    @post("/accounts/once/<name>", public=True, errors=(Refused,))
    def once(self, name: str) -> int: ...

    @post("/accounts/keyed/<name>", public=True, idempotent=True)
    def keyed(self, name: str) -> int: ...
