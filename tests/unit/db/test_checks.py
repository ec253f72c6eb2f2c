from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from decant.db import assert_no_drift, assert_reversible
from tests.unit.db import shelf

FIRST = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "1", None


def upgrade():
    op.create_table(
        "shelf_book", sa.Column("id", sa.Integer, primary_key=True), sa.Column("title", sa.String, nullable=False)
    )
    op.create_index("uq_shelf_book_title", "shelf_book", ["title"], unique=True)
    op.create_table(
        "shelf_notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("book_id", sa.Integer, sa.ForeignKey("shelf_book.id"), nullable=False),
    )


def downgrade():
    op.drop_table("shelf_notes")
    op.drop_table("shelf_book")
"""
UNIQUE = (
    'op.create_index("uq_shelf_book_title", "shelf_book", ["title"], unique=True)',
    'with op.batch_alter_table("shelf_book") as batch:\n        batch.create_unique_constraint("uq_shelf_book_title", ["title"])',
)


def module(folder: Path, revision: str) -> Any:
    (folder / "migrations").mkdir()
    (folder / "migrations" / "1.py").write_text(revision.replace(*UNIQUE))
    return SimpleNamespace(name="shelf", root_path=str(folder), submodule=lambda name: shelf)


def test_revisions_that_lead_to_the_models_pass(tmp_path: Path) -> None:
    good = module(tmp_path, FIRST)
    assert_no_drift(good)
    assert_reversible(good)


def test_a_column_that_no_revision_makes_is_named(tmp_path: Path) -> None:
    lacking = module(
        tmp_path, FIRST.replace(', sa.Column("title", sa.String, nullable=False)', "").replace(UNIQUE[0], "")
    )
    with pytest.raises(AssertionError, match=r"(?s)shelf_book.*title.*decant db revision shelf") as caught:
        assert_no_drift(lacking)
    assert "memory" not in str(caught.value)


def test_a_downgrade_that_leaves_a_table_is_named(tmp_path: Path) -> None:
    leaving = module(tmp_path, FIRST.replace('op.drop_table("shelf_book")', "pass"))
    with pytest.raises(AssertionError, match="The downgrade of 1 does not undo its upgrade"):
        assert_reversible(leaving)


def test_a_database_in_a_file_may_be_given(tmp_path: Path) -> None:
    assert_no_drift(module(tmp_path, FIRST), f"sqlite:///{tmp_path}/x.sqlite3")
    assert (tmp_path / "x.sqlite3").exists()
