from pydantic import BaseModel

from decant import Contract, post
from decant.auth import require_roles
from decant.errors import DomainError


class Refused(DomainError, code="till.refused", status=402):
    """The bank has refused the charge."""


class Receipt(BaseModel):
    number: int
    order: str
    cents: int


class Till(Contract):
    @post("/charges", public=True, idempotent=True, location="/charges/{number}", etag=True)
    def charge(self, order: str, cents: int, pause_s: float = 0.0) -> Receipt: ...

    @post("/refunds", public=True, idempotent=True)
    def refund(self, order: str, cents: int) -> Receipt: ...

    @post("/charges-in-parts", public=True, idempotent=True)
    def charge_in_parts(self, order: str, cents: int, pause_s: float = 0.0, fail: bool = False) -> Receipt: ...

    @post("/voids", public=True, guard=require_roles("cashier"), idempotent=True)
    def void(self, order: str) -> str: ...

    @post("/looks", public=True, idempotent=True)
    def look_and_fail(self, order: str) -> None: ...

    @post("/careless-charges", public=True)
    def charge_carelessly(self, order: str, cents: int, pause_s: float = 0.0) -> Receipt: ...
