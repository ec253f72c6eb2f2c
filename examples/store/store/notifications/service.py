from datetime import UTC

from sqlalchemy import select
from sqlalchemy.orm import Session

from decant import Caller, Page, Paging
from decant.errors import AuthenticationError
from store.notifications.api import Mail, Notifications
from store.notifications.models import MailRow


class NotificationService(Notifications):
    def __init__(self, db: Session, caller: Caller) -> None:
        self.db = db
        self.caller = caller

    def mailbox(self, paging: Paging) -> Page[Mail]:
        if self.caller.subject is None:
            raise AuthenticationError("The access token is missing.")
        return self.sent_to(self.caller.subject, paging)

    def sent_to(self, user_id: str, paging: Paging) -> Page[Mail]:
        query = select(MailRow).where(MailRow.user_id == user_id).order_by(MailRow.id.desc())
        before = paging.after(str)
        if before is not None:
            query = query.where(MailRow.id < before)
        rows = self.db.scalars(query.limit(paging.limit + 1)).all()
        return paging.page([to_mail(row) for row in rows], position=lambda mail: mail.id)


def to_mail(row: MailRow) -> Mail:
    return Mail(
        id=row.id,
        order_id=row.order_id,
        address=row.address,
        subject=row.subject,
        text=row.text,
        state=row.state,  # type: ignore[arg-type]
        created_at=row.created_at.replace(tzinfo=UTC),
    )
