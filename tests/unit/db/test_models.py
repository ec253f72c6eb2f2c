from types import ModuleType

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase, metadata_of
from decant.errors import SetupError
from tests.unit.db import shelf


def base_of(name: str) -> type[DeclarativeBase]:
    class Base(ModuleBase, DeclarativeBase, module=name):
        pass

    return Base


def test_a_table_is_named_after_module_and_class() -> None:
    class ISBNRecord(base_of("books")):
        id: Mapped[int] = mapped_column(primary_key=True)

    assert ISBNRecord.__tablename__ == "books_isbn_record"


def test_a_name_without_the_prefix_is_refused_with_the_fix() -> None:
    with pytest.raises(SetupError, match="Name it books_loan"):

        class Loan(base_of("books")):
            __tablename__ = "loan"
            id: Mapped[int] = mapped_column(primary_key=True)


def test_a_plain_table_needs_the_prefix_too() -> None:
    with pytest.raises(SetupError, match="does not begin with 'books_'"):
        Table("loan", base_of("books").metadata, Column("id", Integer))


def test_tables_of_other_metadata_are_nobodys_business() -> None:
    assert Table("loan", MetaData(), Column("id", Integer)).name == "loan"


def test_two_modules_do_not_share_metadata() -> None:
    assert base_of("books").metadata is not base_of("cart").metadata


def test_single_table_inheritance_keeps_the_parents_table() -> None:
    class Item(base_of("books")):
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[str]
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "item"}  # noqa: RUF012

    class Gift(Item):
        __mapper_args__ = {"polymorphic_identity": "gift"}  # noqa: RUF012

    assert Gift.__table__ is Item.__table__


def test_an_abstract_model_has_no_table() -> None:
    class Stamped(base_of("books")):
        __abstract__ = True
        id: Mapped[int] = mapped_column(primary_key=True)

    class Loan(Stamped):
        pass

    assert Loan.__table__.name == "books_loan"


def test_constraints_have_names() -> None:
    names = {str(constraint.name) for table in shelf.Base.metadata.tables.values() for constraint in table.constraints}
    assert names == {"pk_shelf_book", "uq_shelf_book_title", "pk_shelf_notes", "fk_shelf_notes_book_id"}


def test_a_base_that_names_no_module_says_so() -> None:
    with pytest.raises(SetupError, match='module="name_of_the_module"'):

        class Base(ModuleBase, DeclarativeBase):
            pass


def test_the_metadata_of_a_models_file_is_found() -> None:
    assert metadata_of(shelf) is shelf.Base.metadata


def test_a_file_without_models_has_no_metadata() -> None:
    assert metadata_of(ModuleType("empty")) is None


def test_models_of_two_modules_in_one_file_are_refused() -> None:
    mixed = ModuleType("mixed")
    mixed.a, mixed.b = base_of("books"), base_of("cart")
    with pytest.raises(SetupError, match="books, cart"):
        metadata_of(mixed)
