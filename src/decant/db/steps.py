"""Running revisions statement by statement, so that one which fails says where, and can go on.

PostgreSQL and SQLite undo a revision that fails. MySQL and MariaDB commit at each DDL statement: there every
statement that is done is noted beside the data, and the next run leaves out what the notes hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, delete, event, select

from decant.db.errors import MigrationFailed, unavailable
from decant.db.transactions import effect_of
from decant.errors import CommandError

SHOWN = 400
"""Characters of a statement in a message and in the notes."""


def progress_table(module: str) -> Table:
    """Return the table of a module's notes; it exists on MySQL and MariaDB alone, and is empty but for a failure."""
    return Table(
        f"{module}_alembic_progress",
        MetaData(),
        Column("revision", String(150), primary_key=True),
        Column("direction", String(10), primary_key=True),
        Column("position", Integer, primary_key=True, autoincrement=False),
        Column("digest", String(64), nullable=False),
        Column("statement", String(SHOWN), nullable=False),
    )


class Steps:
    """Follows the revisions of one run.

    Args:
        connection: What they run on.
        module: Whose they are.
        direction: ``upgrade`` or ``downgrade``.
        version_table: Alembic's own table, whose statements belong to no revision.
    """

    def __init__(self, connection: Connection, module: str, direction: str, version_table: str) -> None:
        self._connection = connection
        self._module = module
        self._direction = direction
        self._version_table = version_table
        self._keeps_each = connection.dialect.name not in {"sqlite", "postgresql"}
        self._notes = progress_table(module)
        self._revision = ""
        self._done: list[str] = []
        self._position = 0
        self._statement: str | None = None

    def follow(self, steps: Iterable[Any]) -> Iterator[Any]:
        """Yield Alembic's steps one after the other."""
        for step in steps:
            self._forget()
            self._revision, self._position, self._statement = self._name(step), 0, None
            self._done = self._noted()
            yield step
        self._forget()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count the statements of the block; a failure in it says which one it was.

        Raises:
            MigrationFailed: When a revision fails.
            DatabaseUnavailable: When the database goes away meanwhile.
        """
        if self._keeps_each:
            self._notes.create(self._connection, checkfirst=True)
            self._connection.commit()
        listeners = (("before_cursor_execute", self._before, True), ("after_cursor_execute", self._after, False))
        for name, listener, retval in listeners:
            event.listen(self._connection, name, listener, retval=retval)
        try:
            yield
        except CommandError:
            raise
        except Exception as error:
            failure = self._failed(error)
            if failure is None:
                raise
            raise failure from error
        finally:
            for name, listener, _ in listeners:
                event.remove(self._connection, name, listener)

    def _failed(self, error: Exception) -> Exception | None:
        if not self._revision:
            return None
        return unavailable(error, self._module) or MigrationFailed(
            self._module,
            self._revision,
            self._direction,
            position=self._position,
            statement=self._statement,
            reason=str(getattr(error, "orig", None) or error),
            kept=self._keeps_each,
        )

    def _before(
        self, _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        if not self._counts(statement):
            return statement, parameters
        self._position += 1
        self._statement = _short(statement)
        if self._position > len(self._done):
            return statement, parameters
        if self._done[self._position - 1] != _digest(statement):
            raise CommandError(
                f"Statement {self._position} of revision {self._revision} of module {self._module} was changed after "
                f"it had been done: it is now {self._statement!r}.",
                hint="Undo the change: only what comes after the statements that are done may differ. "
                f"They are in the table {self._notes.name}.",
            )
        return "DO 0", ()

    def _after(
        self, _connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool
    ) -> None:
        if self._statement is None or not (self._counts(statement) or statement == "DO 0"):
            return
        text, self._statement = self._statement, None
        if self._keeps_each and self._position > len(self._done):
            self._note(text, _digest(statement))

    def _note(self, text: str, digest: str) -> None:
        """Note a statement as done, and keep both."""
        own = self._connection.connection.cursor()
        try:
            own.execute(
                f"INSERT INTO {self._notes.name} (revision, direction, position, digest, statement)"  # noqa: S608
                " VALUES (%s, %s, %s, %s, %s)",
                (self._revision, self._direction, self._position, digest, text),
            )
            own.execute("COMMIT")
        finally:
            own.close()
        self._done.append(digest)

    def _noted(self) -> list[str]:
        """Return the digests of what an earlier run did of this revision.

        Raises:
            CommandError: When it was another revision, or the other direction, that stopped half-way.
        """
        if not self._keeps_each:
            return []
        notes = self._notes.c
        rows = self._connection.execute(select(self._notes).order_by(notes.position)).all()
        for row in rows:
            if (row.revision, row.direction) != (self._revision, self._direction):
                raise CommandError(
                    f"The {row.direction} of module {self._module} stopped half-way in revision {row.revision}.",
                    hint=f"Go on with it first: decant db {row.direction} {self._module}",
                )
        return [row.digest for row in rows]

    def _forget(self) -> None:
        """Drop the notes of a revision that is done."""
        if self._keeps_each and self._revision:
            self._statement = None
            self._connection.execute(delete(self._notes))
            self._connection.commit()

    def _counts(self, statement: str) -> bool:
        is_ours = self._version_table in statement or str(self._notes.name) in statement
        return bool(self._revision) and not is_ours and effect_of(statement) == "write"

    def _name(self, step: Any) -> str:
        revisions = step.to_revisions if self._direction == "upgrade" else step.from_revisions
        return str((step.revision.revision if hasattr(step, "revision") else None) or revisions[0].revision)


def _digest(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()


def _short(statement: str) -> str:
    return " ".join(statement.split())[:SHOWN]
