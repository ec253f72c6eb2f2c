"""``decant affected`` when a lock file of several projects changed, as uv itself writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import Answer, Monorepo

SOURCE = '{ registry = "https://pypi.example.org/simple" }'


def third(name: str, version: str = "1.0", *needs: str) -> str:
    listed = ", ".join(f'{{ name = "{each}" }}' for each in needs)
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {SOURCE}\ndependencies = [{listed}]\n'


def member(name: str, path: str, *needs: str, dev: str = "") -> str:
    listed = ", ".join(f'{{ name = "{each}" }}' for each in needs)
    groups = f'\n[package.dev-dependencies]\ndev = [{{ name = "{dev}" }}]\n' if dev else ""
    return f'[[package]]\nname = "{name}"\nversion = "0"\nsource = {{ editable = "{path}" }}\ndependencies = [{listed}]\n{groups}'


HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n'
MEMBERS = (
    member("orders", "services/orders", "flask", "common"),
    member("users", "services/users", "redis", dev="pytest"),
    member("common", "libs/common", "jinja2"),
    (
        '[[package]]\nname = "root"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "orders" }]\n[package.dev-dependencies]\ndev = [{ name = "ruff" }]\n'
    ),
)
THIRD = (
    third("flask", "3.0", "jinja2"),
    third("jinja2", "3.1", "markupsafe"),
    third("markupsafe"),
    third("redis"),
    third("pytest"),
    third("ruff"),
)
LOCK = HEAD + "".join((*MEMBERS, *THIRD))


class Uv(Monorepo):
    """A uv workspace: orders needs common, users does not."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.git("rm", "-rq", "services", "libs")
        workspace = '[project]\nname = "root"\nversion = "0"\n[tool.uv.workspace]\nmembers = ["services/*", "libs/*"]\n'
        self.write({"pyproject.toml": workspace, "uv.lock": LOCK, "README.md": "x"})
        for name, path, needs in (
            ("orders", "services/orders", '"flask", "common"'),
            ("users", "services/users", '"redis"'),
            ("common", "libs/common", '"jinja2"'),
        ):
            self.write(
                {
                    f"{path}/pyproject.toml": f'[project]\nname = "{name}"\nversion = "0"\ndependencies = [{needs}]\n',
                    f"{path}/src/{name}/__init__.py": "",
                }
            )
        self.write({"services/orders/app.py": "import common\n", "services/users/app.py": "x = 1\n"})
        self.base = self.commit()

    def after(self, old: str, new: str) -> Answer:
        assert old in LOCK
        self.write({"uv.lock": LOCK.replace(old, new)})
        return self.ask("--json", "--base", self.base)


@pytest.fixture
def uv(tmp_path: Path) -> Uv:
    return Uv(tmp_path / "repo")


def test_only_those_whose_requirements_reach_the_package(uv: Uv) -> None:
    answer = uv.after(third("markupsafe"), third("markupsafe", "1.1"))
    assert answer.names == {"orders", "common"}
    assert answer.why("common") == [
        ("uv.lock", "modified", None),
        ("package:markupsafe", "locked", "uv.lock"),
        ("lib:common", "lock", None),
    ]
    assert uv.after(third("redis"), third("redis", "2.0")).names == {"users"}


def test_a_package_that_was_removed(uv: Uv) -> None:
    uv.write({"services/users/pyproject.toml": '[project]\nname = "users"\nversion = "0"\n'})
    uv.base = uv.commit()
    assert uv.after(third("redis"), "").names == {"users"}


def test_tools_of_one_and_tools_of_all(uv: Uv) -> None:
    assert uv.after(third("pytest"), third("pytest", "9.0")).names == {"users"}
    assert uv.after(third("ruff"), third("ruff", "9.0")).names == {"orders", "users", "common"}


def test_the_same_packages_in_another_order(uv: Uv) -> None:
    uv.write({"uv.lock": HEAD + "".join((*reversed(THIRD), *MEMBERS))})
    assert uv.ask("--json", "--base", uv.base).names == set()


def test_a_lock_that_cannot_be_read_selects_everything(uv: Uv) -> None:
    answer = uv.after(HEAD, "<<<<<<< HEAD\n" + HEAD)
    assert answer.names == {"orders", "users", "common"}
    assert answer.document["fallback"]["code"] == "unreadable-lock"
    assert "uv.lock" in answer.err


def test_a_lock_that_was_only_named(uv: Uv) -> None:
    assert uv.ask("--json", "--files", "uv.lock").names == {"orders", "users", "common"}


def test_an_image_that_copies_the_lock_is_judged_by_its_packages(uv: Uv) -> None:
    uv.write(
        {"services/orders/Dockerfile": "FROM python:3.12\nCOPY pyproject.toml uv.lock ./\nCOPY services/orders .\n"}
    )
    uv.base = uv.commit()
    assert uv.after(third("redis"), third("redis", "2.0")).names == {"users"}


def test_a_lock_of_one_project_is_its_own(uv: Uv) -> None:
    uv.write({"services/users/uv.lock": HEAD + member("users", ".", "redis") + third("redis")})
    uv.base = uv.commit()
    uv.write({"services/users/uv.lock": HEAD + member("users", ".", "redis") + third("redis", "2")})
    assert uv.ask("--json", "--base", uv.base).names == {"users"}


def test_a_lock_of_one_environment_for_all(uv: Uv) -> None:
    text = 'lock-version = "2.1"\n[[package]]\nname = "flask"\nversion = "3.0"\n[metadata]\ncontent-hash = "aa"\n'
    uv.write({"poetry.lock": text})
    uv.base = uv.commit()
    uv.write({"poetry.lock": text.replace('"aa"', '"bb"')})
    assert uv.ask("--json", "--base", uv.base).names == set()
    uv.write({"poetry.lock": text.replace('"3.0"', '"3.1"')})
    assert uv.ask("--json", "--base", uv.base).names == {"orders", "users", "common"}
