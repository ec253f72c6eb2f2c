from sqlalchemy import select, update
from sqlalchemy.orm import Session

from decant import on, publish
from decant.errors import Unavailable
from decant.ids import new_id
from store.auth.api import Auth, UnknownUser
from store.notifications import letters
from store.notifications.api import MailWritten
from store.notifications.faults import mail_down
from store.notifications.letters import Letter
from store.notifications.models import MailRow
from store.notifications.post import Postman, letter
from store.notifications.settings import NotificationSettings
from store.orders.api import OrderCancelled, OrderPaid, OrderRefunded


@on(OrderPaid)
def tell_paid(event: OrderPaid, db: Session, auth: Auth, settings: NotificationSettings) -> None:
    write(db, auth, settings, event, letters.paid(event))


@on(OrderCancelled)
def tell_cancelled(event: OrderCancelled, db: Session, auth: Auth, settings: NotificationSettings) -> None:
    write(db, auth, settings, event, letters.cancelled(event))


@on(OrderRefunded)
def tell_refunded(event: OrderRefunded, db: Session, auth: Auth, settings: NotificationSettings) -> None:
    write(db, auth, settings, event, letters.refunded(event))


@on(MailWritten)
def post_mail(event: MailWritten, db: Session, postman: Postman) -> None:
    """Hand a mail to the mail server. While that fails, it is tried again, as every event is."""
    mail = db.get_one(MailRow, event.mail_id)
    if mail.state != "waiting":
        return
    if mail_down.on:
        raise Unavailable(f"The failure switch {mail_down.name} is on.")
    if postman.settings.smtp_url is None:
        mail.state = "kept"
        return
    message = letter(postman.settings.sender, mail)
    db.rollback()  # nothing is held while the mail server is talked to
    postman.deliver(message)
    db.execute(update(MailRow).where(MailRow.id == event.mail_id).values(state="sent"))


def write(
    db: Session,
    auth: Auth,
    settings: NotificationSettings,
    event: OrderPaid | OrderCancelled | OrderRefunded,
    written: Letter,
) -> None:
    """Write a mail, once for each order and kind of news."""
    try:
        address = auth.find(event.user_id).email
    except UnknownUser:
        return  # the account is gone, and its address with it
    there = select(MailRow.id).where(MailRow.order_id == event.order_id, MailRow.kind == written.kind)
    if db.scalar(there) is not None:
        return
    mail = MailRow(
        id=new_id(),
        user_id=event.user_id,
        order_id=event.order_id,
        kind=written.kind,
        address=address,
        subject=written.subject,
        text=written.text,
        state="kept" if settings.smtp_url is None and not mail_down.on else "waiting",
    )
    db.add(mail)
    if mail.state == "waiting":
        publish(db, MailWritten(mail_id=mail.id))
