"""Requirement files as people write them, and the tables of pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from decant.errors import CommandError
from decant_tools.workspace.environments.requirements import Asked, Line, read_pyproject, read_requirements


def reader(files: Mapping[str, str | bytes]) -> Callable[[str], bytes | None]:
    def read(path: str) -> bytes | None:
        content = files.get(path)
        return content.encode() if isinstance(content, str) else content

    return read


def read(text: str | bytes, **more: str) -> Asked:
    return read_requirements("a/requirements.txt", reader({"a/requirements.txt": text, **more}))


def test_lines_have_their_places_and_no_comments() -> None:
    asked = read("# web\nFlask==2.3.7  # pinned\n\nrequests [socks] >= 2 ; python_version > '3.8'\n")
    assert asked.lines == [
        Line("Flask==2.3.7", "a/requirements.txt:2"),
        Line("requests [socks] >= 2 ; python_version > '3.8'", "a/requirements.txt:4"),
    ]
    assert [(line.name, line.specifier) for line in asked.lines] == [("flask", "==2.3.7"), ("requests", ">=2")]


def test_hashes_on_continued_lines_belong_to_one_requirement() -> None:
    (line,) = read("flask==3.0.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n").lines
    assert line == Line("flask==3.0.0 --hash=sha256:aa --hash=sha256:bb", "a/requirements.txt:1")
    assert line.specifier == "==3.0.0"


def test_included_files_are_read_once_and_constraints_are_kept_apart() -> None:
    files = {
        "requirements/base.txt": "-r ../a/requirements.txt\nclick\n",
        "limits.txt": "click<9\n",
    }
    asked = read_requirements(
        "a/requirements.txt", reader({"a/requirements.txt": "-r ../requirements/base.txt\n-c ../limits.txt\n", **files})
    )
    assert [line.at for line in asked.lines] == ["requirements/base.txt:2"]
    assert [line.text for line in asked.constraints] == ["click<9"]
    assert asked.files == ["a/requirements.txt", "requirements/base.txt", "limits.txt"]


def test_a_file_that_is_included_and_not_there_is_named_with_its_line() -> None:
    with pytest.raises(CommandError, match=r"a/requirements.txt:2: there is no file a/more.txt") as caught:
        read("flask\n-rmore.txt\n")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("../../libs/common_utils", "../../libs/common_utils"),
        ("-e ../../libs/common_utils", "../../libs/common_utils"),
        ("--editable=../libs/x[db]", "../libs/x"),
        ("common-utils @ file:../../libs/common_utils", "../../libs/common_utils"),
        ("libs/common_utils", "libs/common_utils"),
        ("-e ../libs/x#egg=x", "../libs/x"),
        ("flask", None),
        ("flask @ https://files.example.org/flask.whl", None),
        ("git+https://git.example.org/flask.git", None),
    ],
)
def test_a_path_is_told_from_a_name(text: str, local: str | None) -> None:
    line = Line(text, "x:1")
    assert line.local == local
    assert bool(line.name) == (text.startswith("flask"))


def test_a_file_of_another_editor_is_read() -> None:
    assert [line.text for line in read("Flask==3.0.0\r\nclick\r\n".encode("utf-16")).lines] == ["Flask==3.0.0", "click"]


def test_options_of_the_file_itself_are_kept() -> None:
    asked = read("--pre\n--extra-index-url https://pypi.example.org/simple\nflask\n")
    assert asked.options == ["--pre", "--extra-index-url https://pypi.example.org/simple"]


@pytest.mark.parametrize(
    ("text", "extras"),
    [
        ("../../libs/x[db, web]", ("db", "web")),
        ("-e ../libs/x[db]", ("db",)),
        ("x[db] @ file:../libs/x", ("db",)),
        ("X[db]>=1 ; python_version > '3'", ("db",)),
        ("flask==2.3.3 ; extra in '[db]'", ()),
    ],
)
def test_extras_are_read_of_names_and_paths(text: str, extras: tuple[str, ...]) -> None:
    assert Line(text, "x:1").extras == extras


@pytest.mark.parametrize("written", ["-f wheels", "--find-links wheels", "--find-links=./wheels"])
def test_a_folder_of_archives_is_relative_to_the_file_that_names_it(written: str) -> None:
    found = read("-r deep/more.txt\n", **{"a/deep/more.txt": f"{written}\n-f https://x.example.org/\n"})
    assert found.options == ["--find-links a/deep/wheels", "-f https://x.example.org/"]


def test_a_file_that_requires_hashes_has_them() -> None:
    text = "--require-hashes\nflask==3.0.0 --hash=sha256:00\n../../libs/common_utils\n"
    assert len(read(text).lines) == 2
    with pytest.raises(CommandError, match=r"^a/requirements.txt:4: click==8 has no hash") as caught:
        read(f"{text}click==8\n")
    assert caught.value.exit_code == 3


def test_a_manifest_has_dependencies_extras_and_groups_with_their_lines() -> None:
    text = """[project]
name = "Order_Service"
dependencies = [
  "flask>=3",
  "common-utils",
]
[project.optional-dependencies]
docs = ["mkdocs"]
[dependency-groups]
base = ["coverage"]
dev = ["pytest>=8", { include-group = "base" }]
[tool.uv.sources]
common-utils = { path = "../../libs/common_utils" }
shared = { workspace = true }
elsewhere = { git = "https://git.example.org/x.git" }
"""
    found = read_pyproject("a/pyproject.toml", reader({"a/pyproject.toml": text}))
    assert found is not None
    assert (found.name, found.is_package) == ("order-service", False)
    assert [line.at for line in found.dependencies()] == ["a/pyproject.toml:4", "a/pyproject.toml:5"]
    assert [line.text for line in found.first_group("test", "dev")] == ["pytest>=8", "coverage"]
    assert found.first_group("test") == []
    assert found.sources == {"common-utils": "../../libs/common_utils", "shared": ""}


def test_a_manifest_that_is_no_toml_is_a_clear_error() -> None:
    with pytest.raises(CommandError, match=r"a/pyproject.toml: it cannot be read") as caught:
        read_pyproject("a/pyproject.toml", reader({"a/pyproject.toml": "[project\n"}))
    assert caught.value.exit_code == 3
