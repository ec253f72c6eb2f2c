"""A changelog gets one section per version, and keeps every other byte."""

from __future__ import annotations

from decant_tools.workspace.release.changelog import insert, section
from decant_tools.workspace.release.conventional import parse_message

ADDED = section("1.5.0", "2026-11-21", [parse_message("feat: add orders")])

OLD = """\
# Changelog

Words of ours.

## [Unreleased]

### Added

- something by hand

## [1.4.0] - 2026-01-01

- old

[1.4.0]: https://example.org/1.4.0
"""


def test_a_section_has_the_headings_of_keep_a_changelog() -> None:
    messages = [
        "feat(cart): add a coupon",
        "fix: count `<b>` and <b>",
        "feat!: drop XML\n\nBREAKING CHANGE: clients ask for JSON",
        "Tidy _up_ words",
        "docs: say so",
        "Tidy _up_ words",
    ]
    found = section("2.0.0", "2026-11-21", [parse_message(text) for text in messages], ["common_utils 1.2.0"])
    assert found == (
        "## [2.0.0] - 2026-11-21\n\n"
        "### Added\n\n- cart: add a coupon\n\n"
        "### Changed\n\n"
        "- **Breaking**: drop XML (clients ask for JSON)\n"
        "- Tidy _up_ words\n"
        "- dependency: common_utils 1.2.0\n\n"
        "### Fixed\n\n- count `<b>` and \\<b>\n"
    )


def test_a_missing_file_is_begun() -> None:
    assert insert("", "1.5.0", ADDED) == f"# Changelog\n\n{ADDED}"


def test_a_section_goes_between_unreleased_and_the_newest_version() -> None:
    before, after = OLD.split("## [1.4.0]")
    assert insert(OLD, "1.5.0", ADDED) == f"{before}{ADDED}\n## [1.4.0]{after}"


def test_a_section_is_written_once() -> None:
    once = insert(OLD, "1.5.0", ADDED)
    assert insert(once, "1.5.0", ADDED) == once


def test_a_file_without_versions_is_continued_above_its_links() -> None:
    assert insert("# Changes\n\nWords.", "1.5.0", ADDED) == f"# Changes\n\nWords.\n\n{ADDED}"
    text = "# Changelog\n\n## [Unreleased]\n\n[Unreleased]: https://example.org\n"
    assert insert(text, "1.5.0", ADDED) == (
        f"# Changelog\n\n## [Unreleased]\n\n{ADDED}\n[Unreleased]: https://example.org\n"
    )


def test_line_ends_are_kept() -> None:
    found = insert(OLD.replace("\n", "\r\n"), "1.5.0", ADDED)
    assert found.replace("\r\n", "") == found.replace("\r\n", "\n").replace("\n", "")
    assert found.replace("\r\n", "\n") == insert(OLD, "1.5.0", ADDED)


def test_headings_without_brackets_are_versions_too() -> None:
    text = "# Changelog\n\n## 1.5.0 (2026-01-01)\n\n- a\n"
    assert insert(text, "1.5.0", ADDED) == text
    assert insert(text, "1.6.0", ADDED).index("## [1.5.0]") < text.index("## 1.5.0") + len(ADDED)
