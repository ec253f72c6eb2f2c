import os
import time
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy.orm import Session

from decant.sagas import Saga, step
from post.letters.models import LetterRow


class StampingData(BaseModel):
    number: int


class Stamping(Saga[StampingData], key="number"):
    def __init__(self, db: Session) -> None:
        self.db = db

    @step
    def wait_for_the_ink(self, data: StampingData) -> None:
        """Wait for as long as a test holds this process up."""
        ink = Path(os.environ["POST_INK"])
        if (ink / f"missing-{os.getpid()}").exists():
            (ink / f"waiting-{data.number}").touch()
        while (ink / f"missing-{os.getpid()}").exists():
            time.sleep(0.02)

    @step(pivot=True)
    def stamp(self, data: StampingData) -> None:
        letter = self.db.get_one(LetterRow, data.number)
        letter.stamped += 1
        letter.stamped_by = os.getpid()
