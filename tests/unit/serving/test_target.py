"""What is served, and how it is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from decant.errors import SetupError
from decant.serving.target import Target, load_application


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(text)


def test_the_environment_names_it_and_it_names_the_environment() -> None:
    environ = {"DECANT_SERVICE": "orders", "DECANT_TOPOLOGY": "services", "DECANT_CONFIG": "shop/decant.toml"}
    assert Target.from_environ(environ).environ() == environ


def test_without_an_environment_it_is_the_only_service_of_the_workspace() -> None:
    assert Target.from_environ({"DECANT_SERVICE": ""}) == Target(None, None, "decant.toml")


def test_a_foreign_application_is_found_in_the_current_folder(folder: Path) -> None:
    write(folder, "foreign_one", "def site(environ, start): ...")
    assert Target(application="foreign_one:site").load().__name__ == "site"


@pytest.mark.parametrize("name", ["app", "application"])
def test_without_a_name_the_usual_ones_are_looked_for(folder: Path, name: str) -> None:
    write(folder, f"foreign_{name}", f"def {name}(environ, start): ...")
    assert load_application(f"foreign_{name}").__name__ == name


def test_a_factory_is_called(folder: Path) -> None:
    write(folder, "foreign_factory", "def make():\n    def made(environ, start): ...\n    return made")
    assert load_application("foreign_factory:make()").__name__ == "made"


def test_a_module_that_is_not_there_is_named_with_the_folder(folder: Path) -> None:
    with pytest.raises(SetupError, match="There is no module `nowhere`") as caught:
        load_application("nowhere.wsgi:app")
    assert str(folder) in str(caught.value.hint)


def test_a_broken_import_inside_is_the_error_itself(folder: Path) -> None:
    write(folder, "foreign_broken", "import nothing_of_that_name")
    with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
        load_application("foreign_broken:app")


def test_a_name_that_is_no_application_is_refused(folder: Path) -> None:
    write(folder, "foreign_value", "app = 3")
    with pytest.raises(SetupError, match="does not lead to a WSGI application"):
        load_application("foreign_value:app")
