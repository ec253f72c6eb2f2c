from __future__ import annotations

import pytest

from decant_tools.workspace.facts import Facts, Include, Requirement, extract


def read(text: str | bytes, path: str = "requirements.txt") -> Facts:
    return extract(path, text.encode() if isinstance(text, str) else text)


def asked(text: str | bytes) -> list[tuple[str, str]]:
    return [(each.name, each.path) for each in read(text).requirements]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Flask==2.3.7", ("flask", "")),
        ("Common_Utils.x >= 1, <2  # why", ("common-utils-x", "")),
        ('requests[security, socks]>=2; python_version < "3.9"', ("requests", "")),
        ("  flask~=3.0;sys_platform=='win32'", ("flask", "")),
        ("../../libs/common_utils", ("", "../../libs/common_utils")),
        ("./libs/common_utils[db]", ("", "./libs/common_utils")),
        ("libs/common_utils/", ("", "libs/common_utils/")),
        ("-e ../../libs/common_utils", ("", "../../libs/common_utils")),
        ("--editable=../libs/x  # local", ("", "../libs/x")),
        ("-e file:../../libs/x#egg=Some_Name", ("some-name", "../../libs/x")),
        ("common-utils @ file:../../libs/common_utils", ("common-utils", "../../libs/common_utils")),
        (
            "common-utils @ file:///srv/app/libs/common_utils ; python_version > '3'",
            ("common-utils", "/srv/app/libs/common_utils"),
        ),
        ("x @ file:///${PROJECT_ROOT}/../x", ("x", "../x")),
        ("x @ {root:uri}/../x", ("x", "../x")),
        ("x @ {root:parent:uri}/x", ("x", "../x")),
        ("..\\..\\libs\\x", ("", "../../libs/x")),
        ("./vendor/thing-1.0-py3-none-any.whl", ("", "./vendor/thing-1.0-py3-none-any.whl")),
        ("thing @ https://example.org/thing.zip", ("thing", "")),
        ("git+https://example.org/team/thing.git@v1#egg=Thing", ("thing", "")),
        ("git+ssh://git@example.org/team/thing.git", ("", "")),
        ("https://example.org/w/some_thing-1.0-py3-none-any.whl", ("some-thing", "")),
        (".", ("", ".")),
        ("~/libs/x", ("", "~/libs/x")),
    ],
)
def test_every_form_of_a_requirement_is_read(line: str, expected: tuple[str, str]) -> None:
    assert asked(line) == [expected]


def test_lines_are_counted_through_comments_continuations_and_hashes() -> None:
    text = "# a\n\nflask==3.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n-i https://pypi.example.org/simple\n../x\n"
    assert read(text).requirements == (Requirement(3, "flask"), Requirement(7, "", "../x"))


def test_files_that_are_taken_in_are_listed() -> None:
    found = read("-r ../base.txt\n-rother.txt\n--requirement=a/b.txt # why\n-c constraints.txt\n--constraint c.txt\n")
    assert found.includes == (
        Include(1, "../base.txt"),
        Include(2, "other.txt"),
        Include(3, "a/b.txt"),
        Include(4, "constraints.txt", is_constraint=True),
        Include(5, "c.txt", is_constraint=True),
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_files_of_windows_are_read(encoding: str) -> None:
    assert asked("flask\r\n../x\r\n".encode(encoding)) == [("flask", ""), ("", "../x")]


def test_what_is_no_requirement_is_an_error_with_its_line() -> None:
    faults = read("flask\n!!!\n").faults
    assert [(fault.level, fault.code, fault.line) for fault in faults] == [("error", "unreadable-manifest", 2)]


def test_a_continuation_at_the_end_is_no_exception() -> None:
    assert asked("flask \\") == [("flask", "")]
