"""Which of several targets a client gets: the dial of a strangler, turned by one number in ``decant.toml``.

A client stays where it is. Its place on the dial is a hash of who it is and of the route, so no cookie is set and no
state is kept: every gateway decides alike, also after a restart. Turning the dial from 90 : 10 to 80 : 20 moves a tenth
of all clients and no others, as long as the order of the targets stays.

Who a client is: its ``Authorization``, which stays the same on any network and differs behind a shared address; without
one its address. A user who signs in may therefore change sides once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from hashlib import blake2b
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Dial(Generic[T]):
    """Targets and their weights.

    Args:
        salt: Differs from dial to dial, so that the same clients are not the first everywhere.
        weights: Each target's share of the sum of all; at least one is above 0.
    """

    def __init__(self, salt: str, weights: Mapping[T, int]) -> None:
        shares = {target: weight for target, weight in weights.items() if weight > 0}
        if not shares:
            raise ValueError("A dial needs a weight above 0.")
        self.targets = tuple(shares)
        self._bounds = list(accumulate(shares.values()))
        self._salt = blake2b(salt.encode(), digest_size=16).digest()

    def choose(self, client: bytes) -> T:
        """Return the target of a client, the same one every time."""
        if len(self.targets) == 1:
            return self.targets[0]
        place = int.from_bytes(blake2b(client, digest_size=8, key=self._salt).digest()) % self._bounds[-1]
        return self.targets[bisect_right(self._bounds, place)]
