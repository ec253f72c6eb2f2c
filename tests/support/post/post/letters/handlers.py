import os

from sqlalchemy.orm import Session

from decant import on
from post.letters.api import LetterPosted
from post.letters.models import LetterRow


@on(LetterPosted)
def handle(event: LetterPosted, db: Session) -> None:
    letter = db.get_one(LetterRow, event.number)
    letter.handled += 1
    letter.handled_by = os.getpid()
