"""``build_project``: archives that are always the same bytes, wheels by the project's own backend, images by Docker."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.workspace.release import Built, build_project
from decant_tools.workspace.view import View, open_view
from tests.integration.workspace.plain import Plain

MANIFEST = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "user-service"
version = "0.1.0"
requires-python = ">=3.11"

[tool.hatch.build.targets.wheel]
only-include = ["app.py"]
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plain:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return Plain(tmp_path / "repo")


def build(repo: Plain, out: Path, name: str = "user_service") -> Built:
    view: View = open_view(repo.root)
    return build_project(view, view.graph.projects[f"service:{name}"], out)


FILES = [
    "libs/common_utils/__init__.py",
    "libs/common_utils/helpers.py",
    "services/user_service/Dockerfile",
    "services/user_service/app.py",
    "services/user_service/requirements.txt",
]


def test_a_service_that_is_no_package_becomes_a_zip(repo: Plain, tmp_path: Path) -> None:
    built = build(repo, tmp_path / "out")
    assert [path.name for path in built.artefacts] == ["user_service-0.1.0.zip"]
    assert built.context.name == "user_service-0.1.0.context.tar.gz"
    with zipfile.ZipFile(built.artefacts[0]) as archive, tarfile.open(built.context) as tar:
        assert archive.namelist() == tar.getnames() == FILES
    assert "no image: there is no program `docker`." in built.notes
    assert repo.git("status", "--porcelain") == ""


def test_the_version_is_that_of_the_tag(repo: Plain, tmp_path: Path) -> None:
    repo.git("tag", "user_service-v1.4.0-rc.1")
    assert build(repo, tmp_path).artefacts[0].name == "user_service-1.4.0-rc.1.zip"


def test_a_version_that_may_be_wrong_is_said_to(repo: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("tag", "user_service-v1.4.0")
    repo.change("fix: later", "services/user_service/app.py")
    assert not any("version" in note for note in build(repo, tmp_path / "whole").notes)
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(tmp_path / "repo2"))
    view = open_view(tmp_path / "repo2")
    built = build_project(view, view.graph.projects["service:user_service"], tmp_path / "cut")
    assert built.artefacts[0].name == "user_service-0.1.0.zip"
    assert built.notes[0] == "the version may be wrong: this is a shallow clone, in which older tags are missing."
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    (first, *_) = build(repo, tmp_path / "other").notes
    assert first.startswith(f"the version may be wrong: Git does not look at {repo.root}: detected dubious ownership")


def test_the_same_files_are_the_same_bytes(repo: Plain, tmp_path: Path) -> None:
    (repo.root / "services/user_service/run.sh").touch(0o755)
    first = build(repo, tmp_path / "one")
    for path in repo.root.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            path.touch()
            path.chmod(path.stat().st_mode | stat.S_IWGRP)
    second = build(repo, tmp_path / "two")
    for one, two in zip((first.context, *first.artefacts), (second.context, *second.artefacts), strict=True):
        assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(first.artefacts[0]) as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert modes["services/user_service/run.sh"] == 0o755
    assert modes["services/user_service/app.py"] == 0o644


def test_a_package_becomes_a_wheel_and_always_the_same(repo: Plain, tmp_path: Path) -> None:
    repo.write({"services/user_service/pyproject.toml": MANIFEST})
    one, two = (build(repo, tmp_path / name).artefacts[0] for name in ("one", "two"))
    assert one.name == "user_service-0.1.0-py3-none-any.whl"
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert "app.py" in archive.namelist()
    assert repo.git("status", "--porcelain").split() == ["??", "services/user_service/pyproject.toml"]


def test_without_uv_pip_makes_the_same_wheel(repo: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"services/user_service/pyproject.toml": MANIFEST})
    with_uv = build(repo, tmp_path / "one").artefacts[0]
    monkeypatch.setattr("decant_tools.workspace.release.wheels.find_uv", lambda: None)
    assert build(repo, tmp_path / "two").artefacts[0].read_bytes() == with_uv.read_bytes()


def test_metadata_without_a_build_system_is_a_wheel_where_that_works_and_else_a_zip(
    repo: Plain, tmp_path: Path
) -> None:
    text = '[project]\nname = "user-service"\nversion = "0.1.0"\ndynamic = ["version"]\n'
    repo.write({"services/user_service/pyproject.toml": text})
    built = build(repo, tmp_path)
    assert built.artefacts[0].suffix == ".zip"
    assert any("no [build-system]" in note for note in built.notes)


def test_uv_can_be_told_that_it_is_no_package(repo: Plain, tmp_path: Path) -> None:
    repo.write({"services/user_service/pyproject.toml": f"{MANIFEST}\n[tool.uv]\npackage = false\n"})
    assert build(repo, tmp_path).artefacts[0].suffix == ".zip"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "user-service"\n', "", "name"),
        ('only-include = ["app.py"]', "only-include = 5", "only-include"),
    ],
)
def test_a_failing_backend_is_told_in_its_own_words(repo: Plain, tmp_path: Path, old: str, new: str, said: str) -> None:
    repo.write({"services/user_service/pyproject.toml": MANIFEST.replace(old, new)})
    with pytest.raises(CommandError, match="could not be built") as caught:
        build(repo, tmp_path / "out")
    assert said in caught.value.detail
    assert not list((tmp_path / "out").glob("*.whl"))


def test_a_broken_manifest_is_told(repo: Plain, tmp_path: Path) -> None:
    repo.write({"services/user_service/pyproject.toml": "[project\n"})
    with pytest.raises(CommandError, match="TOML") as caught:
        build(repo, tmp_path)
    assert caught.value.exit_code == 3


DOCKER = """\
#!/bin/sh
log="${0%/*}/calls"
[ "$1" = build ] && find . -type f | sed 's,^\\./,file ,' | sort >>"$log"
echo "argv $*" >>"$log"
if [ "$1" = version ]; then
  ANSWER
fi
if [ "$1" = build ]; then
  BUILD
fi
"""
"""Written for the shell: an interpreter that starts on a busy machine could miss the two seconds."""


def docker(tmp_path: Path, answer: str = "echo 28.0.1", building: str = ":") -> Path:
    """Put a program `docker` on PATH that writes down what it was asked; return where."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(DOCKER.replace("ANSWER", answer).replace("BUILD", building))
    (folder / "docker").chmod(0o755)
    return folder / "calls"


def calls(log: Path) -> tuple[list[str], list[str]]:
    """Return what Docker was called with, and the files of the context that it built."""
    lines = log.read_text().splitlines()
    return [line[5:] for line in lines if line.startswith("argv ")], [line[5:] for line in lines if line[:5] == "file "]


def test_docker_builds_from_exactly_what_is_needed(repo: Plain, tmp_path: Path) -> None:
    log = docker(tmp_path)
    repo.git("tag", "user_service-v1.4.0")
    built = build(repo, tmp_path / "out")
    assert built.image == "user_service:1.4.0"
    argv, files = calls(log)
    assert argv == [
        "version --format {{.Server.Version}}",
        "build --file services/user_service/Dockerfile --tag user_service:1.4.0 .",
    ]
    assert files == FILES


def test_a_dockerfile_for_its_own_folder_is_built_there(repo: Plain, tmp_path: Path) -> None:
    log = docker(tmp_path)
    repo.write({"services/user_service/Dockerfile": "FROM x\nCOPY requirements.txt .\nCOPY . .\n"})
    build(repo, tmp_path / "out")
    argv, files = calls(log)
    assert argv[1:] == ["build --file Dockerfile --tag user_service:0.1.0 ."]
    assert files == ["Dockerfile", "app.py", "requirements.txt"]


def test_a_failing_build_of_the_image_is_told(repo: Plain, tmp_path: Path) -> None:
    docker(tmp_path, building="echo no such base image; exit 1")
    with pytest.raises(CommandError, match="no such base image"):
        build(repo, tmp_path / "out")


@pytest.mark.parametrize("answer", ["exit 1", "exec sleep 30"])
def test_an_engine_that_does_not_answer_is_a_note(repo: Plain, tmp_path: Path, answer: str) -> None:
    log = docker(tmp_path, answer)
    built = build(repo, tmp_path / "out")
    assert built.image is None
    assert any(note.startswith("no image: no Docker engine answers") for note in built.notes)
    assert len(calls(log)[0]) == 1


def test_without_a_dockerfile_docker_is_not_asked(repo: Plain, tmp_path: Path) -> None:
    log = docker(tmp_path)
    (repo.root / "services/user_service/Dockerfile").unlink()
    assert "no image: there is no Dockerfile." in build(repo, tmp_path / "out").notes
    assert not log.exists()


def test_a_lib_is_built_too(repo: Plain, tmp_path: Path) -> None:
    view = open_view(repo.root)
    built = build_project(view, view.graph.projects["lib:common_utils"], tmp_path)
    assert built.artefacts[0].name == "common_utils-0.1.0.zip"
    assert built.image is None
