"""``decant affected`` on a repository of ten packages whose answers are known: every way to change something."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import EVERYTHING, Monorepo
from tests.unit.workspace.repository import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Monorepo]:
    yield Monorepo(tmp_path / "repo")
    shutil.rmtree(tmp_path / "repo", ignore_errors=True)


def test_nothing_changed(repo: Monorepo) -> None:
    assert repo.affected("--base", "main") == set()
    plain = repo.ask("--base", "main")
    assert (plain.code, plain.out) == (0, "")
    assert "Nothing is affected" in plain.err


def test_an_uncommitted_edit(repo: Monorepo) -> None:
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    assert repo.affected() == {"leaf", "svc0"}


def test_a_staged_edit_and_one_on_top_of_it(repo: Monorepo) -> None:
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    repo.git("add", "-A")
    repo.write({"libs/leaf/leaf/helpers.py": "x = 1\n"})
    assert repo.affected("--base", "main") == set()
    repo.write({"libs/leaf/leaf/helpers.py": "x = 3\n"})
    assert repo.affected() == {"leaf", "svc0"}


def test_an_untracked_file_but_not_an_ignored_one(repo: Monorepo) -> None:
    repo.write({"libs/leaf/leaf/trace.log": "x"})
    assert repo.affected("--base", "main") == set()
    repo.write({"libs/leaf/leaf/new.py": "x = 2\n"})
    assert repo.affected() == {"leaf", "svc0"}


def test_a_deleted_file(repo: Monorepo) -> None:
    (repo.root / "libs/leaf/leaf/helpers.py").unlink()
    assert repo.affected() == {"leaf", "svc0"}
    repo.commit()
    assert repo.affected() == {"leaf", "svc0"}


def test_a_file_that_moved_from_a_lib_to_another_service(repo: Monorepo) -> None:
    repo.git("mv", "libs/leaf/leaf/helpers.py", "services/svc5/helpers.py")
    assert repo.affected() == {"leaf", "svc0", "svc5"}


def test_a_whole_lib_is_deleted_and_a_service_still_names_it(repo: Monorepo) -> None:
    shutil.rmtree(repo.root / "libs/leaf")
    answer = repo.ask("--json")
    assert answer.names == {"svc0"}
    assert "lib leaf does not exist any more" in answer.err
    assert answer.why("svc0")[0][1] == "deleted"
    repo.commit()
    assert repo.affected() == {"svc0"}


def test_a_lib_is_deleted_and_nobody_names_it_any_more(repo: Monorepo) -> None:
    shutil.rmtree(repo.root / "libs/leaf")
    repo.write({"services/svc0/app.py": "x = 1\n", "services/svc0/requirements.txt": "flask\n"})
    assert repo.affected() == {"svc0"}


def test_a_lib_is_renamed(repo: Monorepo) -> None:
    repo.git("mv", "libs/leaf", "libs/twig")
    repo.git("mv", "libs/twig/leaf", "libs/twig/twig")
    assert repo.affected() == {"twig", "svc0"}


def test_a_lib_that_is_deleted_asked_for_restored_and_asked_for_again(repo: Monorepo) -> None:
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    repo.commit()
    assert repo.affected() == {"leaf", "svc0"}
    for _ in range(2):
        shutil.rmtree(repo.root / "libs/leaf")
        assert repo.affected() == {"svc0"}
        repo.git("checkout", "HEAD", "--", "libs/leaf")
        assert repo.affected() == {"leaf", "svc0"}


def test_an_import_that_is_not_declared(repo: Monorepo) -> None:
    repo.write({"services/svc4/app.py": "def view():\n    from leaf.helpers import x\n    return x\n"})
    repo.commit()
    base = repo.git("rev-parse", "HEAD").strip()
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    assert repo.affected("--base", base) == {"leaf", "svc0", "svc4"}
    assert repo.affected("--base", base, "--edges", "manifest,copy,extra") == {"leaf", "svc0"}
    assert repo.ask("--json", "--base", base).why("svc4") == [
        ("libs/leaf/leaf/helpers.py", "modified", None),
        ("lib:leaf", "changed", None),
        ("service:svc4", "import", "services/svc4/app.py:2"),
    ]


def test_a_declared_lib_that_nobody_imports(repo: Monorepo) -> None:
    repo.write({"services/svc4/requirements.txt": "flask\n../../libs/leaf\n"})
    base = repo.commit()
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    assert repo.affected("--base", base) == {"leaf", "svc0", "svc4"}


def test_a_lib_below_others_reaches_all_of_them(repo: Monorepo) -> None:
    repo.write({"libs/base/base/helpers.py": "x = 2\n"})
    assert repo.affected() == {"base", "common", "db", "svc1", "svc2", "svc3"}
    chain = repo.ask("--json").why("svc3")
    assert [step[0] for step in chain] == ["libs/base/base/helpers.py", "lib:base", "lib:db", "service:svc3"]


def test_a_dependency_that_was_taken_away_is_judged_as_it_was_too(repo: Monorepo) -> None:
    repo.write({"services/svc0/requirements.txt": "flask\n", "services/svc0/app.py": "x = 1\n"})
    assert repo.affected() == {"svc0"}


def test_libs_that_need_each_other(repo: Monorepo) -> None:
    repo.write({"libs/base/base/more.py": "import common\n"})
    base = repo.commit()
    repo.write({"libs/db/db/helpers.py": "x = 2\n"})
    assert repo.affected("--base", base) == {"db", "svc3"}
    repo.write({"libs/db/db/helpers.py": "x = 1\n", "libs/common/common/helpers.py": "x = 2\n"})
    assert repo.affected("--base", base) == {"common", "base", "db", "svc1", "svc2", "svc3"}


@pytest.mark.parametrize("path", ["pyproject.toml", "conftest.py", "Makefile", ".github/workflows/ci.yml", "tox.ini"])
def test_a_root_file_that_everything_is_built_or_tested_with(repo: Monorepo, path: str) -> None:
    repo.write({path: "[tool.ruff]\nline-length = 100\n"})
    answer = repo.ask("--json")
    assert answer.names == EVERYTHING
    assert answer.document["fallback"] is None
    assert answer.why("svc4") == [
        (path, "modified" if path in {"pyproject.toml", "Makefile"} else "added", None),
        ("service:svc4", "root", None),
    ]


def test_a_readme(repo: Monorepo) -> None:
    repo.write({"README.md": "y", "docs/a.md": "y", "services/README.md": "y"})
    assert repo.affected("--base", "main") == set()
    repo.write({"libs/leaf/README.md": "y"})
    assert repo.affected() == {"leaf", "svc0"}


def test_an_unknown_root_file_selects_everything_and_says_how_to_map_it(repo: Monorepo) -> None:
    repo.write({"proto/orders.proto": "x"})
    answer = repo.ask("--json")
    assert answer.code == 0
    assert answer.names == EVERYTHING
    assert answer.document["fallback"]["code"] == "unknown-root-file"
    assert "proto/orders.proto" in answer.document["fallback"]["reason"]
    assert "Everything is selected" in answer.err
    repo.write({"decant.toml": '[affected.files]\n"proto/*.proto" = ["svc4"]\n'})
    repo.git("add", "decant.toml")
    repo.git("commit", "-qm", "x", "--", "decant.toml")
    assert repo.affected("--base", "HEAD") == {"svc4"}


@pytest.mark.parametrize(("table", "wanted"), [("nothing", set()), ("all", EVERYTHING)])
def test_what_decant_toml_says_of_a_file(repo: Monorepo, table: str, wanted: set[str]) -> None:
    repo.write({"decant.toml": f'[affected]\n{table} = ["proto/**", "libs/leaf/**/*.md"]\n'})
    base = repo.commit()
    repo.write({"proto/orders.proto": "x", "libs/leaf/README.md": "y"})
    answer = repo.ask("--json", "--base", base)
    assert (answer.names, answer.document["fallback"]) == (wanted, None)


def test_a_declared_extra_and_a_declared_need(repo: Monorepo) -> None:
    repo.write({"decant.toml": '[services.svc4]\nfiles = ["proto/*.proto"]\n[services.svc5]\nneeds = ["svc4"]\n'})
    base = repo.commit()
    repo.write({"proto/orders.proto": "x"})
    assert repo.affected("--base", base) == {"svc4", "svc5"}
    assert repo.ask("--json", "--base", base).document["fallback"] is None


def test_a_file_that_an_image_copies(repo: Monorepo) -> None:
    dockerfile = "FROM python:3.12\nCOPY proto/ /proto/\nCOPY services/svc4 /app\nCOPY entrypoint.sh /\n"
    repo.write({"services/svc4/Dockerfile": dockerfile, "proto/a.proto": "x", "entrypoint.sh": "x"})
    base = repo.commit()
    for path in ("proto/a.proto", "proto/new.proto", "entrypoint.sh"):
        repo.write({path: "y"})
        assert repo.affected("--base", base) == {"svc4"}, path
        repo.commit()
        base = repo.git("rev-parse", "HEAD").strip()


def test_a_change_of_decant_toml_touches_what_its_tables_are_about(repo: Monorepo) -> None:
    repo.write({"decant.toml": "[services.svc4]\nport = 5001\n"})
    assert repo.affected() == {"svc4"}
    base = repo.commit()
    repo.write({"decant.toml": "[services.svc4]\nport = 5001\n[libs.leaf]\nneeds = ['base']\n"})
    assert repo.affected("--base", base) == {"leaf", "svc0"}
    repo.write({"decant.toml": "[services.svc4]\nport = 5001\n[tasks.test]\ncommand = 'pytest'\n"})
    assert repo.affected("--base", base) == EVERYTHING


def test_a_decant_toml_that_could_not_be_read_before(repo: Monorepo) -> None:
    repo.write({"decant.toml": "[services\n"})
    base = repo.commit()
    repo.write({"decant.toml": "[services.svc4]\nport = 5001\n"})
    answer = repo.ask("--json", "--base", base)
    assert answer.names == EVERYTHING
    assert answer.document["fallback"]["code"] == "unreadable-settings"


def test_a_requirements_file_that_others_include(repo: Monorepo) -> None:
    pins = "flask==3.1.0 \\\n    --hash=sha256:aa\n    # via -r x.in\nwerkzeug==3.1.0 \\\n    --hash=sha256:bb\n    # via flask\nredis==5.0 \\\n    --hash=sha256:cc\n    # via -r x.in\n"
    repo.write({"constraints.txt": pins, "requirements.txt": pins})
    for name, line in (("svc4", "-c ../../constraints.txt"), ("svc5", "-r ../../requirements.txt")):
        repo.write({f"services/{name}/requirements.txt": f"{line}\nflask\n"})
    base = repo.commit()
    repo.write({"constraints.txt": pins.replace("redis==5.0", "redis==5.1")})
    assert repo.affected("--base", base) == set()
    repo.write({"constraints.txt": pins.replace("werkzeug==3.1.0", "werkzeug==3.1.1")})
    assert repo.affected("--base", base) == {"svc4"}
    repo.write({"constraints.txt": pins, "requirements.txt": pins.replace("sha256:cc", "sha256:cd")})
    assert repo.affected("--base", base) == {"svc5"}
    repo.write({"requirements.txt": f"# only words\n{pins}"})
    assert repo.affected("--base", base) == set()


def test_a_requirements_file_at_the_root_that_nobody_includes(repo: Monorepo) -> None:
    repo.write({"requirements-dev.txt": "pytest==9.0\n"})
    assert repo.affected() == EVERYTHING


@pytest.mark.parametrize("content", ["[project\n", '[project]\nname = "base"\ndependencies = 7\n<<<<<<< HEAD\n'])
def test_a_manifest_that_cannot_be_read_selects_everything_and_says_so(repo: Monorepo, content: str) -> None:
    repo.write({"libs/base/pyproject.toml": content})
    base = repo.commit()
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    answer = repo.ask("--json", "--base", base)
    assert answer.names == EVERYTHING
    assert answer.document["fallback"]["code"] == "unreadable-manifest"
    assert "libs/base/pyproject.toml" in answer.err


def test_requirements_that_cannot_be_read_make_their_project_affected_by_anything(repo: Monorepo) -> None:
    repo.write({"services/svc4/requirements.txt": "flask\n==== nonsense ====\n"})
    base = repo.commit()
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    answer = repo.ask("--json", "--base", base)
    assert answer.names == {"leaf", "svc0", "svc4"}
    assert "services/svc4/requirements.txt" in answer.err


def test_a_file_with_a_syntax_error_still_has_its_imports(repo: Monorepo) -> None:
    repo.write({"services/svc4/app.py": "import leaf\ndef broken(:\n"})
    base = repo.commit()
    repo.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    assert repo.affected("--base", base) == {"leaf", "svc0", "svc4"}


def test_half_of_a_service_is_deleted(repo: Monorepo) -> None:
    (repo.root / "services/svc0/app.py").unlink()
    assert repo.affected() == {"svc0"}
    (repo.root / "services/svc0/requirements.txt").unlink()
    assert repo.affected("--base", "main") == set()
    assert "service svc0 does not exist any more" in repo.ask("--base", "main").err


def test_a_submodule_that_points_elsewhere(repo: Monorepo, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.write({"x.py": "x = 1\n"})
    other.commit()
    repo.git("submodule", "add", "-q", str(other.root), "libs/leaf/vendored")
    base = repo.commit()
    other.write({"x.py": "x = 2\n"})
    other.commit()
    repo.git("-C", "libs/leaf/vendored", "pull", "-q")
    assert repo.affected("--base", base) == {"leaf", "svc0"}


def test_names_that_are_no_text(repo: Monorepo) -> None:
    name = os.fsdecode(b"libs/leaf/leaf/caf\xe9.py")
    (repo.root / name).write_bytes(b"x = 1\n")
    answer = repo.ask("--json")
    assert answer.names == {"leaf", "svc0"}
    assert answer.why("leaf")[0][0] == name
    for options in ([], ["--why", "leaf"], ["--graph"]):
        assert repo.ask(*options).code == 0


def test_a_file_of_a_hundred_megabytes(repo: Monorepo) -> None:
    with (repo.root / "libs/leaf/leaf/table.py").open("wb") as file:
        file.write(b"x = 1\n")
        file.truncate(100_000_000)
    assert repo.ask("--json").names == {"leaf", "svc0"}


def test_five_thousand_files_at_once(repo: Monorepo) -> None:
    repo.write({f"libs/leaf/leaf/made/f{number}.py": "x = 1\n" for number in range(5000)})
    assert repo.ask("--json").names == {"leaf", "svc0"}
    repo.commit()
    assert repo.ask("--json").names == {"leaf", "svc0"}


def test_a_workspace_that_is_a_folder_of_the_repository(tmp_path: Path) -> None:
    outer = Repository(tmp_path / "outer")
    inner = Monorepo(tmp_path / "outer/backend")
    shutil.rmtree(inner.root / ".git")
    inner.write({"decant.toml": ""})
    outer.write({"frontend/x.js": "x"})
    outer.commit()
    outer.git("switch", "-q", "-c", "feature")
    inner.write({"libs/leaf/leaf/helpers.py": "x = 2\n"})
    outer.write({"frontend/x.js": "y"})
    assert inner.affected() == {"leaf", "svc0"}
