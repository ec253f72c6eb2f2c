from decant import Contract, post


class Transfers(Contract):
    @post("/transfers/run/<name>", public=True)
    def run(self, name: str) -> int: ...
