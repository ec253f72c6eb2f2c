"""Where carts are kept: in the module's database, or in Redis for a shop that is never short of visitors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import Any, Protocol

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant.clock import Clock
from decant.errors import Unavailable
from decant.wiring import Scope
from store.cart.models import CartRow
from store.cart.settings import CartSettings

Lines = dict[str, int]
"""How many of each product, in the order in which they came into the cart."""

REDIS_TIMEOUT_S = 0.5
GUESTS_STAY = timedelta(days=30)
FORGOTTEN_AT_ONCE = 100


class Carts(Protocol):
    """Keeps carts by their owner, a user's id or a guest's; one that nobody has written is empty."""

    def read(self, owner: str) -> Lines: ...

    def change(self, owner: str, change: Callable[[Lines], object]) -> Lines:
        """Change a cart's lines in place and return them; of two changes one waits, or is run again."""
        ...

    def move(self, guest: str, owner: str, into: Callable[[Lines, Lines], object]) -> None:
        """Empty a guest's cart into an owner's: ``into(guests, owners)`` changes the owner's lines."""
        ...


def carts_of(scope: Scope) -> Carts:
    """Return where this call keeps carts."""
    settings = scope.get(CartSettings)
    if settings.redis_url is None:
        return DatabaseCarts(scope.get(Session), scope.get(Clock))  # type: ignore[type-abstract]
    return RedisCarts(redis_at(settings.redis_url.get_secret_value()), settings.redis_prefix)


class DatabaseCarts(Carts):
    def __init__(self, db: Session, clock: Clock) -> None:
        self.db = db
        self.today = clock.now().date()

    def read(self, owner: str) -> Lines:
        row = self.db.get(CartRow, owner, populate_existing=True)
        lines = dict(row.lines) if row is not None else {}
        self.db.commit()  # the catalogue is asked next, and others can have the connection meanwhile
        return lines

    def change(self, owner: str, change: Callable[[Lines], object]) -> Lines:
        row = self._locked(owner)
        lines = dict(row.lines)
        change(lines)
        row.lines, row.changed_on = list(lines.items()), self.today
        return lines

    def move(self, guest: str, owner: str, into: Callable[[Lines, Lines], object]) -> None:
        found = self.db.get(CartRow, guest, populate_existing=True, with_for_update=True) if self.read(guest) else None
        if found is None or not found.lines:
            return
        guests, found.lines = dict(found.lines), []
        self.change(owner, partial(into, guests))

    def _locked(self, owner: str) -> CartRow:
        """Return the owner's row, locked; of two requests that make it, one does."""
        if self.db.get(CartRow, owner) is None:
            self._forget_guests()
            row = CartRow(owner=owner, lines=[], changed_on=self.today)
            try:
                with self.db.begin_nested():
                    self.db.add(row)
                return row
            except IntegrityError:
                pass  # the other request has made it meanwhile
        return self.db.get_one(CartRow, owner, populate_existing=True, with_for_update=True)

    def _forget_guests(self) -> None:
        """Delete carts of guests who have long gone; found without a lock, so that newcomers wait for nobody."""
        gone = CartRow.owner.startswith("guest-"), CartRow.changed_on < self.today - GUESTS_STAY
        owners = self.db.scalars(select(CartRow.owner).where(*gone).limit(FORGOTTEN_AT_ONCE)).all()
        if owners:
            self.db.execute(delete(CartRow).where(CartRow.owner.in_(owners), *gone))


class RedisCarts(Carts):
    """A key per cart, which is written only if nobody else has written it since it was read (``WATCH``)."""

    def __init__(self, redis: Any, prefix: str) -> None:
        self.redis = redis
        self.prefix = prefix

    def read(self, owner: str) -> Lines:
        lines: Lines = self._try(lambda: self._read(self.redis, owner))
        return lines

    def change(self, owner: str, change: Callable[[Lines], object]) -> Lines:
        def run(pipe: Any) -> Lines:
            lines = self._read(pipe, owner)
            change(lines)
            pipe.multi()
            self._write(pipe, owner, lines)
            return lines

        changed: Lines = self._try(lambda: self.redis.transaction(run, self.prefix + owner, value_from_callable=True))
        return changed

    def move(self, guest: str, owner: str, into: Callable[[Lines, Lines], object]) -> None:
        def run(pipe: Any) -> None:
            guests, lines = self._read(pipe, guest), self._read(pipe, owner)
            into(guests, lines)
            pipe.multi()
            self._write(pipe, guest, {})
            self._write(pipe, owner, lines)

        self._try(lambda: self.redis.transaction(run, self.prefix + guest, self.prefix + owner))

    def _read(self, redis: Any, owner: str) -> Lines:
        kept = redis.get(self.prefix + owner)
        return dict(json.loads(kept)) if kept is not None else {}

    def _write(self, redis: Any, owner: str, lines: Lines) -> None:
        if lines:
            stays = GUESTS_STAY if owner.startswith("guest-") else None
            redis.set(self.prefix + owner, json.dumps(list(lines.items())), ex=stays)
        else:
            redis.delete(self.prefix + owner)

    def _try(self, call: Callable[[], Any]) -> Any:
        from redis import RedisError

        try:
            return call()
        except RedisError as error:
            raise Unavailable("The Redis for carts does not answer.", retry_after_s=1) from error


@cache
def redis_at(url: str) -> Any:
    """Return this process's connections to a Redis; made here, so that a shop without one needs no client."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    timeout_s = REDIS_TIMEOUT_S
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 1))
