"""Buying survives the death of any process at any moment: orders end, and money and stock add up (R11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import shop_books
from tests.support.trials import dice, record, trials
from tests.trials.killed_shop import Load, attack, judge, killed_shop

pytestmark = [pytest.mark.trials, pytest.mark.serving]
ROUND = 20
"""Kills between two looks at the books."""
CONTROL = 10


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("topology", "full"), [("services", 200), ("monolith", 100)])
def test_every_order_ends_and_the_books_add_up_whatever_is_killed(tmp_path: Path, topology: str, full: int) -> None:
    kills, random, failures = trials(full), dice(f"kill-checkout-{topology}"), []
    with killed_shop(topology, tmp_path) as shop:
        load = Load(shop, random)
        for done in range(0, kills, ROUND):
            attack(shop, load, min(ROUND, kills - done), random)
            failures += judge(shop, load)
        placed = len(shop_books.orders(shop.home))
    record(
        requirement="R11",
        promised="Every order is paid or cancelled within 60 s, told of once, and captured = confirmed, stock + sold = before",
        tried="SIGKILL of a random process under checkouts, one for each module and one for all; cards that are "
        "declined, never answer, answer nothing though charged, report twice; SQLite",
        count=kills,
        failures=failures,
        control=control(tmp_path) if topology == "monolith" else "",
    )
    assert placed > kills, "the shop was hardly used"


def control(folder: Path) -> str:
    """Return what the same kills do to a shop that charges and confirms in the request."""
    (naive := folder / "naive").mkdir()
    random = dice("kill-naive-checkout")
    with killed_shop("monolith", naive, naive=True) as shop:
        load = Load(shop, random)
        attack(shop, load, CONTROL, random)
        found = judge(shop, load, settled_s=3.0)
    assert found, "the naive shop came through: these trials find nothing"
    return f"charged in the request: {len(found)} faults in {CONTROL} kills"
