"""How the code is put together. Every violation is printed at once."""

from __future__ import annotations

import sys
import warnings

import grimp
import pytest

import decant
from decant_tools.check import (
    Violation,
    cycle_violations,
    export_violations,
    layer_violations,
    measure,
    noted_files,
    report,
    size_violations,
)
from tests.architecture.contract import PACKAGES, SOURCES, forbidden, graph, layers
from tests.architecture.picture import PAGE, draw

COMPATIBLE = frozenset({
    "InvalidModulePath",
    "InvalidURLFunction",
    "InvalidURLName",
    "InvalidURLPattern",
    "InvalidURLRule",
    "MicroServicesApp",
    "Router",
    "UnspecifiedURLMethods",
    "url",
})  # fmt: skip
"""Names of the plugin whose behaviour Decant keeps; they are not counted."""

PRINTED_PAGE = PAGE.relative_to(SOURCES.parent).as_posix()


def violations() -> list[Violation]:
    return [
        *layer_violations(graph(), layers()),
        *forbidden(),
        *cycle_violations(graph()),
        *export_violations(SOURCES, PACKAGES),
        *size_violations(measure(SOURCES, PACKAGES)),
    ]


def test_imports_exports_and_sizes_keep_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = measure(SOURCES, PACKAGES)
    notes = [f"sizes: {sizes.summary()}", *(f"large, needs a reason: {file}" for file in noted_files(sizes))]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(notes) + "\n")
    found = violations()
    assert not found, f"{len(found)} violations:\n{report(found)}"


def test_the_picture_in_the_documentation_is_current() -> None:
    current = PAGE.read_text() if PAGE.exists() else ""
    assert current == draw(), f"{PRINTED_PAGE} is stale: run `make docs-architecture` and commit it"


def test_the_top_level_exports_the_names_of_the_first_hour() -> None:
    names = set(decant.__all__) - COMPATIBLE
    assert len(names) <= 25, sorted(names)


@pytest.mark.parametrize("name", sorted(decant.__all__))
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(decant, name) is not None


def test_another_reader_of_imports_sees_the_same_graph() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        other = grimp.build_graph(*PACKAGES, cache_dir=None)
    known = set(other.modules) & set(graph().paths)
    theirs = {(module, target) for module in known for target in other.find_modules_directly_imported_by(module)}
    ours = {(each.importer, each.imported) for each in graph().imports if {each.importer, each.imported} <= known}
    assert ours == theirs
