from decant import Contract, get, post, put


class Accounts(Contract):
    @get("/accounts/read/<name>", public=True)
    def read(self, name: str) -> int: ...

    @put("/accounts/set/<name>", public=True, idempotent="natural")
    def set(self, name: str) -> int: ...

    @post("/accounts/once/<name>", public=True)
    def once(self, name: str) -> int: ...
