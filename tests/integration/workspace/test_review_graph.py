"""Changes that are easily missed: a guess about one project must never take a file away from all the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import EVERYTHING, Monorepo


@pytest.fixture
def repo(tmp_path: Path) -> Monorepo:
    return Monorepo(tmp_path)


def affected(repo: Monorepo, files: dict[str, str], change: dict[str, str]) -> set[str]:
    repo.write(files)
    base = repo.commit()
    repo.write(change)
    return repo.ask("--json", "--base", base).names


@pytest.mark.parametrize("path", ["requirements.txt", "pyproject.toml", "Makefile"])
def test_an_image_that_copies_its_own_file_does_not_take_the_one_of_all(repo: Monorepo, path: str) -> None:
    files = {path: "x", f"services/svc4/{path}": "[project]\n", "services/svc4/Dockerfile": f"FROM x\nCOPY {path} .\n"}
    assert affected(repo, files, {path: "y"}) == EVERYTHING


@pytest.mark.parametrize("path", ["requirements.txt", "Makefile"])
def test_a_declared_extra_does_not_take_it_either(repo: Monorepo, path: str) -> None:
    files = {path: "x", "decant.toml": f'[services.svc4]\nfiles = ["{path}"]\n'}
    assert affected(repo, files, {path: "y"}) == EVERYTHING


@pytest.mark.parametrize(("path", "source"), [("conftest.py", "conftest"), ("tests/helpers.py", "tests.helpers")])
def test_a_test_that_imports_what_all_tests_use_does_not_take_it(repo: Monorepo, path: str, source: str) -> None:
    files = {path: "", "services/svc4/checks/test_app.py": f"from {source} import x\n"}
    assert affected(repo, files, {path: "x = 2"}) == EVERYTHING


def test_who_has_no_manifest_runs_with_the_requirements_that_others_include(repo: Monorepo) -> None:
    files = {
        "requirements.txt": "flask==1\n",
        "services/svc4/requirements.txt": "-r ../../requirements.txt\n",
        "services/bare/app.py": "import flask\n",
    }
    assert affected(repo, files, {"requirements.txt": "flask==2\n"}) == {"svc4", "bare"}


PINS = "flask==3\n    # via -r x.in\nclick==8\n    # via flask\nredis==5\n    # via base\nloose==1\n"


@pytest.mark.parametrize(
    ("requirements", "package"),
    [
        ("-r requirements/base.txt\n", "click==8"),  # asks for flask in another file
        ("../../libs/base\n", "redis==5"),
        ("base\n", "redis==5"),
        ("flask\n", "loose==1"),  # nobody says who needs it
    ],
)
def test_constraints_reach_what_is_asked_for_elsewhere(repo: Monorepo, requirements: str, package: str) -> None:
    files = {
        "constraints.txt": PINS,
        "services/svc4/requirements.txt": f"{requirements}-c ../../constraints.txt\n",
        "services/svc4/requirements/base.txt": "flask\n",
    }
    assert affected(repo, files, {"constraints.txt": PINS.replace(package, f"{package}.1")}) == {"svc4"}


@pytest.mark.parametrize("path", ["requirements/base.txt", "requirements-base.in", "dev-requirements.txt"])
def test_a_shared_list_of_any_name_touches_those_who_include_it(repo: Monorepo, path: str) -> None:
    files = {path: "flask\n", "services/svc4/requirements.txt": f"-r ../../{path}\n"}
    assert affected(repo, files, {path: "flask==2\n"}) == {"svc4"}


def test_a_list_that_is_not_called_like_one_may_ask_for_anything(repo: Monorepo) -> None:
    files = {"services/svc4/base.txt": "../../libs/leaf\n", "services/svc4/requirements.txt": "-r base.txt\n"}
    assert affected(repo, files, {"libs/leaf/leaf/helpers.py": "x = 2\n"}) == {"leaf", "svc0", "svc4"}


def test_a_project_that_is_something_else_now_is_affected_by_that(repo: Monorepo) -> None:
    files = {
        "services/core/app.py": "",
        "services/core/models.py": "",
        "services/svc4/app.py": "import services.core.models",
    }
    repo.write(files)
    base = repo.commit()
    (repo.root / "services/core/app.py").unlink()  # what is left does not say how it starts: it is a lib
    assert repo.ask("--json", "--base", base).names == {"core", "svc4"}


def test_a_project_that_is_called_otherwise_now_is_affected_by_what_it_lost(repo: Monorepo) -> None:
    repo.write(
        {"packages/leaf/leaf.py": "", "libs/leaf/leaf/gone.py": ""}
    )  # two of one name: each has its path for one
    base = repo.commit()
    repo.git("rm", "-rq", "packages/leaf", "libs/leaf/leaf/gone.py")
    assert repo.ask("--json", "--base", base).names == {"leaf", "svc0"}
