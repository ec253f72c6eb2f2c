from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant_tools.workspace.facts import Copy, extract


def sources(text: str) -> list[str]:
    return [each.source for each in extract("Dockerfile", text.encode()).copies]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY a b /c/", ["a", "b"]),
        ("copy ./a/ .", ["a"]),
        ("COPY . .", ["."]),
        ("COPY / /app", ["."]),
        ("COPY ../../a /app", ["a"]),
        ('COPY ["a b", "c", "/d"]', ["a b", "c"]),
        ('COPY "a b" c\\ d /e', ["a b", "c d"]),
        ("COPY --chown=app:app --link a b", ["a"]),
        ("COPY --from=build /x /y", []),
        ("COPY --chown=1 --from=0 /x /y", []),
        ("ADD https://example.org/x.tgz a.tgz /y/", ["a.tgz"]),
        ("ADD git@example.org:x.git /y/", []),
        ("COPY a \\\n  # why\n\n  b \\\n  /c", ["a", "b"]),
        ("# escape=`\nCOPY a `\n b", ["a"]),
        ("COPY <<EOF /etc/x\nCOPY a b\nEOF\nCOPY c d", ["c"]),
        ('RUN <<"END" cat\nCOPY a b\nEND\nCOPY c d', ["c"]),
        ("COPY libs/*.py services/?/x [ab].txt /d", ["libs/*.py", "services/?/x", "[ab].txt"]),
        ("ARG D=libs/x\nCOPY $D ${D}/y /z", ["libs/x", "libs/x/y"]),
        ("ARG S\nCOPY services/${S}/ ${T:-libs}/ /z", ["services/*", "libs"]),
        ("RUN --mount=type=bind,source=libs/x,target=/x --mount=type=cache,target=/c make", ["libs/x"]),
        ("RUN --mount=from=build,source=/x,target=/x make", []),
        ("ONBUILD COPY a b", ["a"]),
        ("COPY", []),
        ("COPY a", []),
        ("COPY [broken", []),
    ],
)
def test_sources_are_read_as_docker_reads_them(text: str, expected: list[str]) -> None:
    assert sources(f"FROM x\n{text}\n" if not text.startswith("#") else text) == expected


def test_each_source_has_the_line_of_its_instruction() -> None:
    assert extract("x.Dockerfile", b"FROM x\n# why\n\nCOPY a \\\n  b /c\n").copies == (Copy(4, "a"), Copy(4, "b"))


@given(st.text(max_size=200))
def test_no_text_is_an_exception(text: str) -> None:
    sources("COPY " + text)
