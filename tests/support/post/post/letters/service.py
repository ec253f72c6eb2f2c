from sqlalchemy import select
from sqlalchemy.orm import Session

from decant import publish
from decant.sagas import start
from post.letters.api import LetterPosted, Letters, Work
from post.letters.models import LetterRow
from post.letters.sagas import Stamping, StampingData


class LetterService(Letters):
    def __init__(self, db: Session) -> None:
        self.db = db

    def send(self, number: int) -> None:
        self.db.add(LetterRow(number=number))
        publish(self.db, LetterPosted(number=number))
        start(self.db, Stamping, StampingData(number=number))

    def list(self) -> list[Work]:
        rows = self.db.scalars(select(LetterRow).order_by(LetterRow.number))
        return [Work.model_validate(row, from_attributes=True) for row in rows]
