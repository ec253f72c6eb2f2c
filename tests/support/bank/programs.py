"""Random work for the bank's modules, as data: played on real databases, and foretold by a model in plain Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from decant.contracts.restart import TRIES
from decant.db import DatabaseUnavailable, pending_writes
from tests.support.bank import SCENARIOS, Refused
from tests.support.bank.accounts.models import Account
from tests.support.bank.ledger.models import Entry
from tests.support.bank.transfers.models import Transfer

MODELS: dict[str, tuple[Any, str]] = {
    "accounts": (Account, "balance"),
    "transfers": (Transfer, "amount"),
    "ledger": (Entry, "amount"),
}
"""Each module's only model, and its column."""

ALWAYS = 1
"""The row that every module has."""


@dataclass(frozen=True)
class Add:
    """Change a row, if it is there."""

    row: int
    amount: int
    how: Literal["orm", "core", "sql"]


@dataclass(frozen=True)
class Put:
    """Add a row, unless it is there."""

    row: int
    amount: int


@dataclass(frozen=True)
class Remove:
    row: int


@dataclass(frozen=True)
class Commit:
    pass


@dataclass(frozen=True)
class Fail:
    """End with a domain error, an exception that nobody expected, or a commit that the database refuses."""

    how: Literal["refused", "crash", "at commit"]


@dataclass(frozen=True, eq=False)
class Conflict:
    """The database undoes the transaction, the first few times."""

    times: int


@dataclass(frozen=True, eq=False)
class Call:
    """Call an operation of another module."""

    work: Work
    catches: Literal["nothing", "refused", "anything"]


@dataclass(frozen=True, eq=False)
class Work:
    """What one operation does.

    Attributes:
        module: Whose operation.
        again: Whether it is declared idempotent, and so run again after a conflict.
        steps: One after the other.
    """

    module: str
    again: bool
    steps: tuple[Any, ...]

    @property
    def name(self) -> str:
        return f"w{id(self)}"

    @property
    def path(self) -> str:
        return f"/{self.module}/{OPERATIONS[self.module][self.again]}/{self.name}"

    @property
    def method(self) -> str:
        return "PUT" if self.again else "POST"

    def everything(self) -> Iterator[Work]:
        """Yield this and all that it calls."""
        yield self
        for step in self.steps:
            if isinstance(step, Call):
                yield from step.work.everything()


OPERATIONS = {"accounts": ("once", "set"), "transfers": ("run", "rerun"), "ledger": ("book", "keep")}
"""Each module's operation that runs once, and the one that may be run again."""


def _works(module: str, *callees: st.SearchStrategy[Work]) -> st.SearchStrategy[Work]:
    rows, amounts = st.integers(ALWAYS, 4), st.integers(-9, 9)
    fail = st.builds(Fail, st.sampled_from(["refused", "crash", "at commit"]))
    conflict = st.builds(Conflict, st.integers(1, TRIES))
    call = st.builds(Call, st.one_of(*callees), st.sampled_from(["nothing", "refused", "anything"]))
    steps = [
        st.builds(Add, rows, amounts, st.sampled_from(["orm", "core", "sql"])),
        st.builds(Put, rows, amounts),
        st.builds(Remove, st.integers(ALWAYS + 1, 4)),
        st.just(Commit()),
        *([call, call, call] if callees else []),
        st.one_of(fail, conflict),
    ]
    return st.builds(Work, st.just(module), st.booleans(), st.lists(st.one_of(*steps), max_size=5).map(tuple))


def _keyed(work: Work) -> Work:
    return Work(work.module, True, work.steps)  # with a key it may be run again


_accounts = _works("accounts")
_transfers = _works("transfers", _accounts)
_ledger = _works("ledger", _accounts, _transfers)
works = st.one_of(_accounts, _transfers, _ledger)
"""Work of any module; whom a module may call is as in the bank's services."""
keyed_works = _ledger.map(_keyed)
"""Work of the ledger's operation that takes an idempotency key."""


LOST = "idempotency-answer-lost", None
"""The outcome of keyed work that has committed by itself and is to run again: nobody knows its answer."""


class Model:
    """Foretells what work does, by rows in dictionaries.

    Attributes:
        rows: What each module's database holds.
        committed: Whether the last work has committed writes before its end, by itself.
    """

    def __init__(self) -> None:
        self.rows = {module: {ALWAYS: 0} for module in MODELS}
        self.committed = False
        self._keyed: Work | None = None
        self._conflicts: dict[Conflict, int] = {}

    def run(self, work: Work, *, keyed: bool = False) -> tuple[str, Any]:
        """Return the outcome, as :func:`outcome_of` tells it.

        Args:
            work: What is done.
            keyed: Whether it has an idempotency key: then it is not run again once it has committed by itself.
        """
        self._conflicts.clear()
        self._keyed, self.committed = work if keyed else None, False
        try:
            return "done", self._operation(work)
        except _Foretold as error:
            return error.outcome

    def _operation(self, work: Work) -> int:
        for tried in range(1, TRIES + 1):
            try:
                return self._once(work)
            except _Foretold as error:
                if not work.again or error.conflict != work or tried == TRIES:
                    raise
                if work is self._keyed and self.committed:
                    raise _Foretold(LOST) from error
        raise AssertionError("unreachable")

    def _once(self, work: Work) -> int:
        own, answers, wrote = dict(self.rows[work.module]), 0, False
        for step in work.steps:
            if isinstance(step, Commit | Call) and work is self._keyed:
                self.committed = self.committed or wrote
            wrote = (wrote or _writes(step, own)) and not isinstance(step, Commit | Call)
            match step:
                case Add(row, amount) if row in own:
                    own[row] += amount
                case Put(row, amount):
                    own.setdefault(row, amount)
                case Remove(row):
                    own.pop(row, None)
                case Commit():
                    self.rows[work.module] = dict(own)
                case Fail(how):
                    raise _Foretold(("refused", work.name) if how == "refused" else ("failed", None))
                case Conflict(times) if self._conflicts.setdefault(step, 0) < times:
                    self._conflicts[step] += 1
                    raise _Foretold(("unavailable", None), conflict=work)
                case Call(callee, catches):
                    self.rows[work.module] = dict(own)
                    answers += self._call(callee, catches)
        self.rows[work.module] = own
        return answers + sum(own.values())

    def _call(self, work: Work, catches: str) -> int:
        try:
            return self._operation(work)
        except _Foretold as error:
            if catches == "anything" or (catches == "refused" and error.outcome[0] == "refused"):
                return 1000
            raise


def _writes(step: object, own: Mapping[int, int]) -> bool:
    """Return whether a step sends a statement that writes, changed rows or not."""
    match step:
        case Add(row, _, "orm"):
            return row in own
        case Put(row):
            return row not in own
        case _:
            return isinstance(step, Add | Remove)


class _Foretold(Exception):
    def __init__(self, outcome: tuple[str, Any], conflict: Work | None = None) -> None:
        self.outcome = outcome
        self.conflict = conflict


@dataclass
class Player:
    """Does on real databases what work says."""

    conflicts: dict[Conflict, int] = field(default_factory=dict)

    def prepare(self, work: Work) -> None:
        """Let the bank's operations do this work, and forget all other."""
        SCENARIOS.clear()
        self.conflicts.clear()
        for found in work.everything():
            SCENARIOS[found.name] = lambda db, *callees, found=found: self._play(found, db, callees)

    def _play(self, work: Work, db: Session, callees: tuple[Any, ...]) -> int:
        model, column = MODELS[work.module]
        answers = 0
        for step in work.steps:
            if isinstance(step, Call):
                answers += self._call(step, db, callees)
            elif isinstance(step, Fail | Conflict):
                self._fail(work, step, db)
            else:
                _write(step, db, model, column)
        return answers + int(db.scalar(select(func.sum(getattr(model, column)))) or 0)

    def _call(self, step: Call, db: Session, callees: tuple[Any, ...]) -> int:
        if pending_writes(db):
            db.commit()
        work = step.work
        (callee,) = (found for found in callees if found.__contract__.module == work.module)
        try:
            return int(getattr(callee, OPERATIONS[work.module][work.again])(work.name))
        except Exception as error:
            if step.catches == "anything" or (step.catches == "refused" and isinstance(error, Refused)):
                return 1000
            raise

    def _fail(self, work: Work, step: Fail | Conflict, db: Session) -> None:
        if isinstance(step, Conflict):
            before = self.conflicts.setdefault(step, 0)
            self.conflicts[step] += 1
            if before < step.times:
                raise DatabaseUnavailable(work.module, "conflict")
        elif step.how == "refused":
            raise Refused(step=work.name)
        elif step.how == "crash":
            raise ZeroDivisionError(work.name)
        else:
            model, column = MODELS[work.module]
            db.expunge_all()
            db.add(model(id=ALWAYS, **{column: 0}))
            db.commit()


def _write(step: Add | Put | Remove | Commit, db: Session, model: Any, column: str) -> None:
    value = getattr(model, column)
    match step:
        case Add(row, amount, "orm"):
            if found := db.get(model, row, with_for_update=True, populate_existing=True):
                setattr(found, column, getattr(found, column) + amount)
        case Add(row, amount, "core"):
            db.execute(update(model).where(model.id == row).values({column: value + amount}))
        case Add(row, amount):
            table = model.__tablename__
            values = {"amount": amount, "row": row}
            db.execute(text(f"UPDATE {table} SET {column} = {column} + :amount WHERE id = :row"), values)
        case Put(row, amount):
            if db.scalar(select(model.id).where(model.id == row).with_for_update()) is None:
                db.execute(insert(model).values({"id": row, column: amount}))
        case Remove(row):
            db.execute(delete(model).where(model.id == row))
        case Commit():
            db.commit()


def outcome_of(answer: Any) -> tuple[str, Any]:
    """Return what came of work, going by the answer that a user gets."""
    if answer.status_code < 300:
        return "done", answer.json
    if answer.status_code == 409:
        return answer.json["code"].removeprefix("bank."), answer.json.get("step")
    return ("unavailable" if answer.status_code == 503 else "failed"), None
