from decant import Contract, post, put
from tests.support.bank import Refused


class Transfers(Contract):
    @post("/transfers/run/<name>", public=True, errors=(Refused,))
    def run(self, name: str) -> int: ...

    @put("/transfers/rerun/<name>", public=True, idempotent="natural", errors=(Refused,))
    def rerun(self, name: str) -> int: ...
