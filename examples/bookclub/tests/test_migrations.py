"""The revisions make the tables that the models describe, and go back again."""

from __future__ import annotations

import pytest
from bookclub.books import module as books
from bookclub.reviews import module as reviews

from decant import Module
from decant.db import assert_no_drift, assert_reversible


@pytest.mark.parametrize("module", [books, reviews], ids=lambda module: module.name)
def test_revisions_lead_to_the_models(module: Module) -> None:
    assert_no_drift(module)


@pytest.mark.parametrize("module", [books, reviews], ids=lambda module: module.name)
def test_every_revision_goes_back(module: Module) -> None:
    assert_reversible(module)
