"""Clients are spread by weight, each stays where it is, and turning the dial moves no more than it must."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.gateway.routes.weights import Dial

CLIENTS = [f"10.{number // 65536}.{number // 256 % 256}.{number % 256}".encode() for number in range(20_000)]


def spread(**weights: int) -> Counter[str]:
    dial = Dial("/users/*", weights)
    return Counter(dial.choose(client) for client in CLIENTS)


@pytest.mark.parametrize(
    "weights",
    [{"legacy": 90, "users": 10}, {"legacy": 1, "users": 1}, {"a": 1, "b": 2, "c": 7}, {"legacy": 99, "users": 1}],
)
def test_each_target_gets_its_share(weights: dict[str, int]) -> None:
    found = spread(**weights)
    for name, weight in weights.items():
        share = weight / sum(weights.values())
        deviation = (share * (1 - share) / len(CLIENTS)) ** 0.5
        assert abs(found[name] / len(CLIENTS) - share) < 4 * deviation


def test_a_target_without_weight_gets_nobody() -> None:
    assert spread(legacy=100, users=0) == {"legacy": len(CLIENTS)}


def test_no_weight_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Dial("/x", {"a": 0})


@given(st.integers(1, 99), st.integers(1, 99))
def test_turning_the_dial_moves_clients_in_one_direction_only(before: int, after: int) -> None:
    first, second = (Dial("/users/*", {"legacy": 100 - share, "users": share}) for share in sorted((before, after)))
    moved = {(first.choose(client), second.choose(client)) for client in CLIENTS[:500]}
    assert ("users", "legacy") not in moved


def test_two_dials_do_not_begin_with_the_same_clients() -> None:
    users, orders = (Dial(path, {"legacy": 1, "new": 1}) for path in ("/users/*", "/orders/*"))
    same = sum(users.choose(client) == orders.choose(client) for client in CLIENTS)
    assert 0.45 < same / len(CLIENTS) < 0.55


def test_every_process_decides_alike() -> None:
    code = (
        "from decant.gateway.routes.weights import Dial\n"
        "dial = Dial('/users/*', {'legacy': 1, 'users': 1})\n"
        "print(''.join(dial.choose(str(number).encode())[0] for number in range(200)))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout
    dial = Dial("/users/*", {"legacy": 1, "users": 1})
    assert other.strip() == "".join(dial.choose(str(number).encode())[0] for number in range(200))
