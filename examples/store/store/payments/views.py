from flask import request
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from decant import operation
from store.payments.api import Charge, ChargeStatus, PaymentMethod
from store.payments.callbacks import ReportRefused, verify
from store.payments.service import PaymentService
from store.payments.settings import PaymentSettings


class Reported(BaseModel):
    key: str
    amount_cents: int
    method: PaymentMethod
    status: ChargeStatus


class Report(BaseModel):
    type: str
    data: Reported


@operation(idempotent="natural", errors=(ReportRefused,))
def take_report(db: Session, settings: PaymentSettings) -> None:
    """Take a signed report of the payment provider's; a repeated one counts once."""
    body = request.get_data()
    secret = settings.webhook_secret
    message_id = verify(secret and secret.get_secret_value(), request.headers, body)
    try:
        report = Report.model_validate_json(body)
    except ValidationError as error:
        raise ReportRefused from error
    if report.type == "charge.captured":
        charge = report.data
        PaymentService(db, settings).take_report(
            message_id,
            Charge(order_id=charge.key, amount_cents=charge.amount_cents, method=charge.method, status=charge.status),
        )
