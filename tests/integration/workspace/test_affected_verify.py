"""``decant affected --verify`` finds what the graph cannot see, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.workspace.ten_packages import Answer, Monorepo


class Importable(Monorepo):
    """The ten packages, as something that can be imported without installing anything."""

    def verify(self, *options: str) -> Answer:
        return self.ask("--verify", "--json", *options)


@pytest.fixture
def repo(tmp_path: Path) -> Importable:
    return Importable(tmp_path / "repo")


def test_a_graph_that_sees_everything_is_proved(repo: Importable) -> None:
    answer = repo.verify()
    assert answer.code == 0, answer.err
    assert answer.document["misses"] == []
    assert answer.document["failed"] == {}
    assert answer.document["needed"] >= 22
    assert "0 missed" in answer.err


def test_an_import_that_is_hidden_is_found_with_its_line_and_breaks_for_real(repo: Importable) -> None:
    repo.write({"services/svc4/app.py": "import importlib\nNAME = 'le' + 'af'\nimportlib.import_module(NAME)\n"})
    answer = repo.verify()
    assert answer.code == 1
    assert answer.document["misses"] == [
        {
            "file": "libs/leaf/leaf/__init__.py",
            "project": "service:svc4",
            "at": "services/svc4/app.py:3",
            "edge": ["service:svc4", "lib:leaf"],
            "breaks": True,
        }
    ]
    table = repo.ask("--verify")
    assert "service:svc4 -> lib:leaf" in table.out
    assert "needs" in table.err


def test_what_is_declared_is_no_miss_any_more(repo: Importable) -> None:
    repo.write({"services/svc4/app.py": "import importlib\nNAME = 'le' + 'af'\nimportlib.import_module(NAME)\n"})
    repo.write({"decant.toml": "[services.svc4]\nneeds = ['leaf']\n"})
    assert repo.verify().code == 0


def test_data_of_another_project_is_found_too(repo: Importable) -> None:
    repo.write(
        {
            "services/svc5/app.py": "from pathlib import Path\nTEXT = (Path(__file__).parents[2] / 'libs/leaf/table.csv').read_text()\n",
            "libs/leaf/table.csv": "a,b\n",
        }
    )
    answer = repo.verify()
    assert [(miss["file"], miss["project"], miss["breaks"]) for miss in answer.document["misses"]] == [
        ("libs/leaf/table.csv", "service:svc5", True)
    ]


def test_an_import_that_the_project_can_do_without_is_a_miss_that_breaks_nothing(repo: Importable) -> None:
    repo.write({"services/svc4/app.py": "try:\n    __import__('le' + 'af')\nexcept Exception:\n    pass\n"})
    assert [miss["breaks"] for miss in repo.verify().document["misses"]] == [False]


def test_what_cannot_be_imported_is_said_and_is_no_proof(repo: Importable) -> None:
    repo.write({"services/svc4/app.py": "import a_package_that_nobody_has\n"})
    answer = repo.verify()
    assert answer.code == 0
    assert "a_package_that_nobody_has" in answer.document["failed"]["service:svc4"]["services/svc4/app.py"]
    assert "nothing is known of it" in answer.err


def test_samples_are_the_same_for_the_same_seed(repo: Importable) -> None:
    first, second = repo.verify("--samples", "3", "--seed", "7"), repo.verify("--samples", "3", "--seed", "7")
    assert first.document == second.document
    assert first.document["files"] == 3


def test_nothing_is_written_to_the_workspace(repo: Importable) -> None:
    repo.write({"services/svc4/app.py": "open('made.txt', 'w').close()\n__import__('le' + 'af')\n"})
    before = repo.git("status", "--porcelain", "-uall")
    assert repo.verify().code == 1
    assert repo.git("status", "--porcelain", "-uall") == before


def test_what_only_a_test_reads_is_found_when_tests_are_run(repo: Importable) -> None:
    repo.write(
        {
            "services/svc5/app.py": "def table():\n    return open('../../libs/leaf/table.csv').read()\n",
            "services/svc5/tests/test_table.py": "import app\n\ndef test_table():\n    assert app.table() == 'a,b'\n",
            "services/svc5/conftest.py": "",
            "libs/leaf/table.csv": "a,b",
        }
    )
    assert repo.verify().code == 0
    answer = repo.verify("--tests")
    assert [(miss["file"], miss["project"], miss["at"], miss["breaks"]) for miss in answer.document["misses"]] == [
        ("libs/leaf/table.csv", "service:svc5", "services/svc5/app.py:2", True)
    ]
