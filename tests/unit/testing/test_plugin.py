"""The plugin in sessions of its own: what tests are given, and what is said when something is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.workspace import write_workspace

ROOT = Path(__file__).parents[3]
BOOKCLUB = ROOT / "examples" / "bookclub"
HEAVY = {"flask", "werkzeug", "pyreqwest", "sqlalchemy", "pydantic", "click", "requests", "decant_tools"}
TOML = '[workspace]\nname = "shop"\nmodules = "shop"\ntopology = "monolith"\n[topologies.monolith]\nshop = ["*"]\n[topologies.services]\n"*" = "each"\n'


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run a session with this plugin alone: others take seconds to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return pytester.runpytest_subprocess("-p", "decant.testing.plugin", "-W", "error", *arguments)


def test_a_project_that_does_not_use_it_pays_for_nothing() -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import decant.testing.plugin; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True, timeout=30)
    loaded = set(done.stdout.split())
    assert loaded == {"decant", "decant.testing", "decant.testing.plugin"}


def test_it_is_found_by_itself(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("-W", "error", "--help")
    result.stdout.fnmatch_lines(["*Decant: the same tests in every topology*", "*--topology=NAME*"])
    result = run(pytester, "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.topologies(*"])


def test_tests_run_once_for_each_variant_grouped_by_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.topologies("monolith/strict", pytest.param("services+postgres", marks=pytest.mark.xfail))
        def test_marked(topology_variant): print(f"<{topology_variant}>")

        @pytest.mark.topologies("monolith/strict", pytest.param("services+postgres", marks=pytest.mark.skip))
        def test_other(topology_variant): print(f"<{topology_variant}>")

        def test_plain(): pass
        """
    )
    result = run(pytester, "-v")
    result.assert_outcomes(passed=3, xpassed=1, skipped=1)
    names = [line.partition("::")[2].split(" ")[0] for line in result.outlines if "::" in line]
    assert names == [
        "test_marked[monolith/strict]", "test_other[monolith/strict]", "test_marked[services+postgres]",
        "test_other[services+postgres]", "test_plain",
    ]  # fmt: skip


def test_the_command_line_comes_first_then_the_mark_then_the_settings(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntopologies =\n  monolith/direct\n  services\n")
    pytester.makepyfile("def test_it(topology_variant): print(f'<{topology_variant}>')")
    run(pytester, "-s").stdout.fnmatch_lines(["*<monolith/direct>*", "*<services>*"])
    asked = run(pytester, "-s", "--topology", "peak", "--calls=strict", "--faults=chaos", "--faults-seed=3")
    asked.stdout.fnmatch_lines(["*<peak/strict~chaos>*"])
    asked.assert_outcomes(passed=1)


def test_a_variant_that_is_none_is_a_usage_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(topology_variant): pass")
    result = run(pytester, "--topology", "services/loose")
    assert result.ret in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR}
    assert "'services/loose' names no topology to test." in result.stdout.str() + result.stderr.str()


def test_an_unknown_topology_ends_the_session_with_a_near_name(pytester: pytest.Pytester) -> None:
    write_workspace(pytester.path, TOML)
    pytester.makepyfile("def test_one(topology): pass\ndef test_two(edge): pass")
    result = run(pytester, "--topology", "servces")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = result.stdout.str() + result.stderr.str()
    assert "There is no topology 'servces'. Did you mean 'services'?" in told
    assert told.count("There is no topology") == 1


def test_a_folder_without_a_workspace_ends_the_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(topology): pass\ndef test_two(topology): pass")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (result.stdout.str() + result.stderr.str()).count("There is no decant.toml here") == 1


def test_a_python_without_the_tools_ends_the_session(pytester: pytest.Pytester) -> None:
    write_workspace(pytester.path, TOML)
    pytester.makeconftest("import decant.testing.command\ndecant.testing.command.SUPERVISOR = 'nothing-of-that-name'")
    pytester.makepyfile("def test_one(topology): pass\ndef test_two(topology): pass")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (result.stdout.str() + result.stderr.str()).count("This Python has no `decant up`") == 1


def test_every_module_runs_in_the_tests_own_process(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        f"""
        import pytest, pathlib
        @pytest.fixture(scope="session")
        def workspace_folder(): return pathlib.Path({str(BOOKCLUB)!r})
        """
    )
    pytester.makepyfile(
        """
        import pytest
        from decant.service import runtime_of

        @pytest.mark.topologies("/direct", "/strict")
        def test_books(decant_app, decant_client, topology_variant, same_everywhere):
            assert runtime_of(decant_app).plan.mode == topology_variant.calls
            same_everywhere("a book", decant_client.get("/api/books/earthsea"))
            same_everywhere("none", decant_client.get("/api/books/none"))
        """
    )
    run(pytester).assert_outcomes(passed=2)


DIFFERENT = """
import pytest
from decant.testing import Answer

@pytest.mark.topologies("monolith", "services")
@pytest.mark.parametrize("number", [1, 2])
def test_it(topology_variant, number, same_everywhere):
    body = b'{"mode": "%d"}' % (len(topology_variant.topology) if number == 2 else 0)
    same_everywhere("the mode", Answer("GET", "/", 200, {}, body))
"""


def test_alike_answers_fail_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DIFFERENT)  # both names have eight letters
    run(pytester).assert_outcomes(passed=4)
    assert run(pytester).ret == pytest.ExitCode.OK


def test_a_difference_is_named_by_test_and_field(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DIFFERENT.replace('"services"', '"peak"'))
    result = run(pytester)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(['*test_it*2*: the mode: body.mode: monolith "8", peak "4"'])


def test_answers_of_two_runs_are_compared_when_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DIFFERENT)
    assert run(pytester, "--topology", "monolith").ret == 0
    assert run(pytester, "--topology", "peak").ret == 0
    compared = run(pytester, "--topology", "peak", "--topology-diff")
    assert compared.ret == pytest.ExitCode.TESTS_FAILED
    compared.stdout.fnmatch_lines(['*the mode: body.mode: monolith "8", peak "4"'])


def test_signing_in_is_the_projects_business(pytester: pytest.Pytester) -> None:
    write_workspace(pytester.path, TOML)
    pytester.makepyfile(
        """
        import pytest
        from decant.testing import Client

        @pytest.fixture
        def edge(): return Client("http://127.0.0.1:1")

        def test_headers(signed_in):
            assert signed_in("ada").headers == {"X-User": "ada"}
            assert signed_in("ada") is signed_in("ada")
            assert signed_in("bob") is not signed_in("ada")
        """
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    assert "Say it in conftest.py" in result.stdout.str()
    pytester.makeconftest(
        """
        import pytest
        @pytest.fixture(scope="session")
        def sign_in(): return lambda client, name: {"X-User": name}
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_what_is_written_down_is_json(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(DIFFERENT)
    run(pytester, "--topology", "peak")
    (path,) = pytester.path.glob(".pytest_cache/d/decant-answers/*.json")
    document = json.loads(path.read_text())
    assert document["variant"] == "peak"
    assert [name.rpartition("::")[2] for name in document["answers"]] == [
        "test_it[*-1]: the mode",
        "test_it[*-2]: the mode",
    ]
