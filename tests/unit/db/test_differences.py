"""What ``decant db check`` says, for every kind of difference."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, UniqueConstraint, create_engine

from decant.db.differences import in_words


def book(*more: Any) -> MetaData:
    made = MetaData()
    Table("shelf", made, Column("id", Integer, primary_key=True))
    Table("book", made, Column("id", Integer, primary_key=True), *more)
    return made


def sentences(there: MetaData, wanted: MetaData) -> list[str]:
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            there.create_all(connection)
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return [each for found in compare_metadata(context, wanted) for each in in_words(found)]
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ([Column("title", String(20))], ["the column book.title is missing in the database"]),
        (
            [Column("shelf", ForeignKey("shelf.id", name="fk_shelf"))],
            [
                "the column book.shelf is missing in the database",
                "the foreign key fk_shelf on book (shelf) is missing in the database",
            ],
        ),
        ([Index("ix_book", "id")], ["the index ix_book on book (id) is missing in the database"]),
        (
            [UniqueConstraint("id", name="uq_book")],
            ["the constraint uq_book on book (id) is missing in the database"],
        ),
    ],
)
def test_what_the_models_have_and_the_database_lacks_is_missing(more: list[Any], missing: list[str]) -> None:
    assert sentences(book(), book(*more)) == missing


def test_tables_are_missing_or_too_many() -> None:
    assert sorted(sentences(book(), MetaData())) == [
        "the table book is in the database, and not in the models",
        "the table shelf is in the database, and not in the models",
    ]
    assert "the table book is missing in the database" in sentences(MetaData(), book())


def test_a_changed_column_is_told_by_what_changed() -> None:
    there, wanted = book(Column("title", String(20))), book(Column("title", Integer, nullable=False))
    assert sentences(there, wanted) == [
        "the column book.title is VARCHAR(20) in the database, and INTEGER in the models",
        "the column book.title may be empty in the database, and must not be empty in the models",
    ]


def test_a_difference_of_an_unknown_kind_is_shown_as_it_is() -> None:
    assert in_words(("rename_table", "a", "b")) == ["('rename_table', 'a', 'b')"]
    assert in_words([("modify_default", None, "book", "title", {}, None, "x")]) == [
        "the default of the column book.title is another one in the database than in the models"
    ]
