from pydantic import BaseModel

from decant import Contract, Event, get, post


class LetterPosted(Event, type="letters.posted", key="number"):
    number: int


class Work(BaseModel):
    """What became of a letter: how often, and by which processes, it was handled and stamped."""

    number: int
    handled: int
    handled_by: int
    stamped: int
    stamped_by: int


class Letters(Contract):
    @post("/letters/<int:number>", public=True)
    def send(self, number: int) -> None: ...

    @get("/letters", public=True)
    def list(self) -> list[Work]: ...
