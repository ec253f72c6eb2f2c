"""What other packages offer is found as ``importlib.metadata`` finds it, at a tenth of the cost."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from decant.cli.entries import Entry, entries, entry


def install(folder: Path, distribution: str, points: str) -> None:
    info = folder / f"{distribution}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution.partition('-')[0]}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(points)


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "decant.commands", "decant.none"])
def test_what_is_installed_here_is_found_as_the_standard_library_finds_it(group: str) -> None:
    wanted = {(each.name, each.value.partition(" ")[0]) for each in importlib.metadata.entry_points(group=group)}
    assert {(each.name, each.value) for each in entries(group)} == wanted


def test_sections_comments_and_extras_are_read_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# x\n[other]\na = no:x\n\n[ decant.commands ]\n; y\n deploy = ops.cli:deploy [all]\nplan=ops.cli:plan\n[z]\nb=no:x\n"
    install(tmp_path, "ops_tools-2.0", text.replace("[ decant.commands ]", "[decant.commands]"))
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert list(entries("decant.commands")) == [
        Entry("deploy", "ops.cli:deploy", "ops_tools"),
        Entry("plan", "ops.cli:plan", "ops_tools"),
    ]


@pytest.mark.parametrize("value", ["pathlib:Path.home", "pathlib", "pathlib : Path"])
def test_what_a_value_names_is_imported_as_the_standard_library_does(value: str) -> None:
    wanted = importlib.metadata.EntryPoint("x", value, "decant.commands").load()
    assert Entry("x", value, "ops").load() == wanted


def test_of_a_distribution_that_is_there_twice_the_first_counts_and_ours_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, distribution in (("a", "ops-1"), ("b", "ops-2"), ("b", "flask_decant-1")):
        install(tmp_path / folder, distribution, f"[decant.commands]\nx = {distribution}:x\n")
    monkeypatch.setattr("sys.path", ["/nowhere", str(tmp_path / "a"), str(tmp_path / "b")])
    assert [each.value for each in entries("decant.commands")] == ["flask_decant-1:x", "ops-1:x"]


def test_a_distribution_in_a_zip_file_is_found_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("ops-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: ops\nVersion: 1\n")
        archive.writestr("ops-1.dist-info/entry_points.txt", "[decant.commands]\ndeploy = ops.cli:deploy\n")
    monkeypatch.setattr("sys.path", [str(tmp_path / "all.zip")])
    assert entry("decant.commands", "deploy") == Entry("deploy", "ops.cli:deploy", "ops")
    assert entry("decant.commands", "nothing") is None
