"""Orders whose sagas are parked: neither the way forward nor the way back went on."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from decant.db import infrastructure_of
from decant.sagas import strip
from decant.sagas.store import instance_of
from store.orders.api import StuckOrder


def stuck_orders(db: Session) -> list[StuckOrder]:
    table = infrastructure_of("orders").saga
    wanted = select(table).where(table.c.state == "parked").order_by(table.c.id.desc()).limit(100)
    return [
        StuckOrder(
            order_id=saga.key,
            saga_id=saga.id,
            saga=saga.name,
            story=strip(saga),
            started_at=datetime.fromtimestamp(saga.started_at, UTC),
        )
        for saga in map(instance_of, db.execute(wanted))
    ]
