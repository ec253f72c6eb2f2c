"""A workspace as it is and as it was: what is remembered never differs from what is found anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from decant.errors import CommandError, SettingsError
from decant_tools.workspace import reading, snapshot
from decant_tools.workspace.changes import Change
from decant_tools.workspace.completion import project_names
from decant_tools.workspace.git import GitError
from decant_tools.workspace.model import Graph
from decant_tools.workspace.reading import Reader
from decant_tools.workspace.tree import FolderTree, Tree
from decant_tools.workspace.view import View, find_root, open_view, view_at
from tests.unit.workspace.repository import Repository

FILES = {
    "services/orders/app.py": "import common\nfrom db import connect\n",
    "services/orders/requirements.txt": "flask\n../../libs/common\n",
    "services/users/app.py": "import db\n",
    "services/users/Dockerfile": "FROM python\nCOPY libs/db /db\n",
    "libs/common/__init__.py": "",
    "libs/common/pyproject.toml": '[project]\nname = "common"\n',
    "libs/db/__init__.py": "import common.helpers\n",
    "README.md": "# x\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.write(FILES)
    made.commit()
    return made


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The states whose graphs were made and not found."""
    made: list[str] = []
    real = snapshot.Snapshots._make

    def make(self: snapshot.Snapshots, tree: object, state: str) -> snapshot.Snapshot:
        made.append(state)
        return real(self, tree, state)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot.Snapshots, "_make", make)
    return made


def seen(view: View) -> tuple[object, Graph]:
    return view.discovery, view.graph


def fresh(root: Path) -> View:
    """Return a view that remembers nothing."""
    shutil.rmtree(root / ".decant", ignore_errors=True)
    return open_view(root)


def edges(view: View) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in view.graph.edges}


def test_the_graph_of_the_work_tree_has_what_is_not_committed(repo: Repository) -> None:
    assert ("service:users", "lib:db") in edges(open_view(repo.root))
    assert ("service:users", "lib:common") not in edges(open_view(repo.root))
    repo.write({"services/users/new.py": "import common\n"})
    assert ("service:users", "lib:common") in edges(open_view(repo.root))
    assert ("service:users", "lib:common") not in edges(view_at(repo.root, "HEAD"))


def test_a_view_of_a_commit_is_what_the_work_tree_was_then(repo: Repository) -> None:
    then = open_view(repo.root)
    before = seen(then)
    repo.write({"libs/more/__init__.py": "", "services/orders/app.py": "import more\n"})
    repo.commit()
    now = open_view(repo.root)
    assert seen(view_at(repo.root, "HEAD~")) == seen(now.at("HEAD~")) == before
    assert seen(now.at("HEAD")) == seen(now) != before
    assert now.at("HEAD~").tree.read("services/orders/app.py") == FILES["services/orders/app.py"].encode()


def test_changes_are_those_since_a_commit(repo: Repository) -> None:
    repo.write({"libs/db/__init__.py": "", "x": ""})
    view = open_view(repo.root)
    assert view.git is not None
    assert view.changes("HEAD") == view.git.changes("HEAD")
    assert Change("x", "added") in view.changes("HEAD")
    assert view.at("HEAD").changes("HEAD") == []


def test_nothing_is_made_anew_for_a_tree_that_was_seen(repo: Repository, builds: list[str]) -> None:
    first = seen(open_view(repo.root))
    assert seen(open_view(repo.root)) == seen(view_at(repo.root, "main")) == first
    assert len(builds) == 1


@pytest.mark.parametrize(
    "edit",
    [
        {"README.md": "other\n"},
        {"services/orders/app.py": FILES["services/orders/app.py"] + "\n\ndef more() -> int:\n    return 1\n"},
        {"libs/common/pyproject.toml": '# a comment\n[project]\nname = "common"\n'},
    ],
)
def test_an_edit_that_says_nothing_new_makes_no_graph(
    repo: Repository, builds: list[str], edit: dict[str, str]
) -> None:
    repo.write({"untracked.txt": ""})
    wanted = seen(open_view(repo.root))
    builds.clear()
    repo.write(edit)
    assert seen(open_view(repo.root)) == wanted
    repo.git("add", "-A", ":!untracked.txt")
    repo.git("commit", "-q", "-m", "x")
    assert seen(open_view(repo.root)) == wanted
    repo.commit()
    assert seen(open_view(repo.root)) == wanted
    assert builds == []
    assert seen(fresh(repo.root)) == wanted


def test_a_lib_that_is_deleted_and_comes_back_is_depended_on_again(repo: Repository) -> None:
    before = edges(open_view(repo.root))
    shutil.move(repo.root / "libs/common", repo.root.parent / "aside")
    gone = edges(open_view(repo.root))
    assert not any("lib:common" in edge for edge in gone)
    shutil.move(repo.root.parent / "aside", repo.root / "libs/common")
    assert edges(open_view(repo.root)) == before


def test_a_link_that_points_elsewhere_is_seen(repo: Repository, builds: list[str]) -> None:
    (repo.root / "services/orders/shared").symlink_to("../../libs/common")
    open_view(repo.root).graph  # noqa: B018
    (repo.root / "services/orders/shared").unlink()
    (repo.root / "services/orders/shared").symlink_to("../../libs/db")
    open_view(repo.root).graph  # noqa: B018
    assert len(builds) == 2


def test_without_edges_of_imports_no_python_file_is_read(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = reading.read_one
    monkeypatch.setattr(reading, "read_one", lambda path, content: (asked.append(path), real(path, content))[1])
    view = open_view(repo.root, edges=["manifest", "copy", "extra"])
    assert ("service:orders", "lib:common") in edges(view)
    assert ("service:users", "lib:db") in edges(view)
    assert {edge.kind for edge in view.graph.edges} <= {"manifest", "copy", "extra"}
    assert [path for path in asked if path.endswith(".py")] == []
    assert "import" in {edge.kind for edge in open_view(repo.root).graph.edges}


def test_a_file_that_is_too_large_says_nothing_and_is_told(repo: Repository) -> None:
    repo.write({"libs/db/__init__.py": b"import common\n" + b"#" * (reading.SOURCE_BYTES + 1)})
    for view in (open_view(repo.root), (repo.commit(), open_view(repo.root))[1]):
        assert ("lib:db", "lib:common") not in edges(view)
        assert [(each.level, each.at) for each in view.graph.findings if each.code == "too-large"] == [
            ("warning", "libs/db/__init__.py")
        ]


def test_a_wrong_file_is_an_error_now_and_a_finding_in_an_old_commit(repo: Repository) -> None:
    repo.write({"decant.toml": "[affected]\nbass = 1\n"})
    for _ in range(2):
        with pytest.raises(SettingsError, match="bass"):
            open_view(repo.root).graph  # noqa: B018
    repo.commit()
    assert any(each.code == "decant-toml" for each in view_at(repo.root, "HEAD").discovery.findings)
    with pytest.raises(SettingsError, match="bass"):
        open_view(repo.root).discovery  # noqa: B018
    repo.write({"decant.toml": '[affected]\nbase = "origin/main"\n'})
    assert open_view(repo.root).discovery.config.affected.base == "origin/main"
    assert seen(open_view(repo.root)) == seen(fresh(repo.root))


def test_a_folder_without_git_has_a_graph_and_no_history(tmp_path: Path, builds: list[str]) -> None:
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    view = open_view(tmp_path)
    assert ("service:users", "lib:db") in edges(view)
    (tmp_path / "README.md").write_text("other")
    assert seen(open_view(tmp_path)) == seen(view)
    assert len(builds) == 1
    (tmp_path / "services/users/app.py").write_text("import common\n")
    assert ("service:users", "lib:common") in edges(open_view(tmp_path))
    assert view.git is None
    with pytest.raises(GitError, match="no git repository"):
        view.changes("HEAD")
    with pytest.raises(GitError, match="no git repository"):
        view_at(tmp_path, "HEAD")


def test_a_commit_that_is_not_there_is_not_found(repo: Repository) -> None:
    with pytest.raises(CommandError, match="There is no commit nowhere") as caught:
        view_at(repo.root, "nowhere")
    assert caught.value.exit_code == 4


def test_a_repository_without_a_commit_has_a_graph(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.write(FILES)
    assert ("service:users", "lib:db") in edges(open_view(tmp_path))
    repo.write({"services/users/app.py": "import common\n"})
    assert ("service:users", "lib:common") in edges(open_view(tmp_path))


def test_a_workspace_in_an_ignored_folder_is_seen_as_a_folder(tmp_path: Path) -> None:
    outer = Repository(tmp_path)
    outer.write({".gitignore": "scratch/\n"} | {f"scratch/{path}": content for path, content in FILES.items()})
    view = open_view(tmp_path / "scratch")
    assert isinstance(view.tree, FolderTree)
    assert ("service:users", "lib:db") in edges(view)


def test_a_cache_that_cannot_be_written_or_is_broken_changes_no_answer(repo: Repository) -> None:
    wanted = seen(open_view(repo.root))
    for path in (repo.root / ".decant/workspace").iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    assert seen(open_view(repo.root)) == wanted
    shutil.rmtree(repo.root / ".decant")
    (repo.root / ".decant").write_text("in the way")
    repo.write({".gitignore": ".decant\n"})
    assert seen(open_view(repo.root)) == wanted


def test_worktrees_of_one_repository_may_share_a_home(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    (tmp_path / "second/services/users/app.py").write_text("import common\n")
    for _ in range(2):
        assert ("service:users", "lib:common") in edges(open_view(tmp_path / "second"))
        assert ("service:users", "lib:common") not in edges(open_view(repo.root))


def test_a_commit_that_is_gone_is_no_help_and_no_harm(repo: Repository) -> None:
    repo.git("checkout", "-q", "-b", "away")
    repo.write({"services/users/app.py": "import common\n"})
    repo.commit()
    open_view(repo.root).graph  # noqa: B018
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-q", "-D", "away")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    repo.write({"README.md": "2"})
    assert ("service:users", "lib:common") not in edges(open_view(repo.root))


def test_many_files_are_read_by_two_processes_and_say_the_same(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write({f"libs/db/m{number}.py": f"import common.m{number}\n" for number in range(30)})
    wanted = seen(fresh(repo.root))
    started: list[object] = []
    real = reading._Half

    def half(tree: Tree, paths: list[str]) -> object:
        started.append(paths)
        return real(tree, paths)

    monkeypatch.setattr(reading, "FORKED_FROM", 10)
    monkeypatch.setattr(reading, "_Half", half)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr("threading.active_count", lambda: 1)
    assert seen(fresh(repo.root)) == wanted
    assert len(started) == 1


def test_the_workspace_is_where_decant_toml_lies_else_the_repository_else_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repository(tmp_path / "repo")
    repo.write({"backend/services/a/app.py": ""})
    assert find_root(repo.root / "backend/services") == repo.root
    repo.write({"backend/decant.toml": ""})
    assert find_root(repo.root / "backend/services/a") == repo.root / "backend"
    (tmp_path / "plain").mkdir()
    assert find_root(tmp_path / "plain") == tmp_path / "plain"
    monkeypatch.chdir(repo.root / "backend/services")
    assert find_root() == repo.root / "backend"


def test_a_folder_of_a_repository_with_a_manifest_and_services_of_its_own_is_a_workspace(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.write({"python/pyproject.toml": "", "python/services/a/app.py": "", "web/package.json": "{}"})
    for folder in ("python", "python/services", "python/services/a"):
        assert find_root(repo.root / folder) == repo.root / "python"
    assert find_root(repo.root / "web") == repo.root
    repo.write({"shop/pyproject.toml": "", "shop/services/__init__.py": "", "shop/services/mail.py": ""})
    assert find_root(repo.root / "shop") == repo.root  # that is a package, and a folder in it
    repo.write({"services/b/app.py": ""})
    assert find_root(repo.root / "python") == repo.root


# Any sequence of what people do between two questions.

PATHS = ["services/orders/app.py", "services/users/app.py", "libs/common/__init__.py", "libs/db/__init__.py",
         "libs/db/extra.py", "libs/third/__init__.py"]  # fmt: skip
BODIES = ["", "import common\n", "import db\n", "\nimport db\n", "from db import extra\n", "import third, common\n",
          "# nothing\n", "def broken(:\n"]  # fmt: skip
MANIFESTS = {
    "services/orders/requirements.txt": ["", "../../libs/common\n", "-e ../../libs/db\n", "flask==3\n"],
    "libs/common/pyproject.toml": ['[project]\nname = "common"\n', '[project]\nname = "kommon"\n', "[broken"],
    "services/users/Dockerfile": ["FROM a\n", "FROM a\nCOPY libs/db /x\n", "FROM a\nCOPY . /x\n"],
    "decant.toml": ["", '[libs.db]\nneeds = ["common"]\n', '[services.users]\nneeds = ["common"]\n'],
    "README.md": ["a", "b"],
}
Step = Callable[[Repository], None]


def writing(path: str, content: str) -> Step:
    return lambda repo: repo.write({path: content}) if not (repo.root / path).is_dir() else None


def deleting(path: str) -> Step:
    return lambda repo: (repo.root / path).unlink(missing_ok=True)


def moving(source: str, target: str) -> Step:
    def step(repo: Repository) -> None:
        if (repo.root / source).exists() and not (repo.root / target).exists():
            (repo.root / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(repo.root / source, repo.root / target)

    return step


def running(*args: str) -> Step:
    return lambda repo: (repo.git(*args, check=False), None)[1]


def committing(repo: Repository) -> None:
    repo.commit()


STEPS = st.one_of(
    st.builds(writing, st.sampled_from(PATHS), st.sampled_from(BODIES)),
    st.sampled_from([(path, body) for path, bodies in MANIFESTS.items() for body in bodies]).map(lambda it: writing(*it)),
    st.builds(deleting, st.sampled_from([*PATHS, *MANIFESTS])),
    st.sampled_from(["libs/common", "libs/db"]).flatmap(
        lambda lib: st.sampled_from([moving(lib, "libs/renamed"), moving("libs/renamed", lib), moving(lib, "aside")])
    ),
    st.just(committing),
    st.sampled_from(
        [running("checkout", "-q", "-f", "main"), running("checkout", "-q", "-B", "other"), running("stash", "-q", "-u"),
         running("stash", "pop", "-q"), running("checkout", "-q", "--", "."), running("reset", "-q", "--hard", "HEAD~"),
         running("checkout", "-q", "other"), running("add", "-A"), running("checkout", "-q", "--detach")]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        repo = Repository(Path(folder) / "repo")
        repo.write(FILES | {".gitignore": ".decant\n"})
        repo.commit()
        yield repo.root


def outcome(view: View) -> object:
    """Return what a view shows, or what it complains of."""
    try:
        return seen(view)
    except SettingsError as error:
        return str(error)


def check_sequence(template: Path, steps: list[Step], home: Path) -> None:
    """Compare, after every step, what is remembered with what is found anew, now and in the last commit."""
    root = home / "repo"
    shutil.copytree(template, root, symlinks=True)
    repo = Repository.__new__(Repository)
    repo.root = root
    for number, step in enumerate([lambda _: None, *steps]):
        step(repo)
        remembered = open_view(root)
        if number % 2:
            remembered.changes("main")
        kept = [outcome(remembered), outcome(remembered.at("HEAD"))]
        os.environ["DECANT_HOME"] = str(home / f"fresh{number}")
        try:
            assert kept == [outcome(open_view(root)), outcome(view_at(root, "HEAD"))]
        finally:
            del os.environ["DECANT_HOME"]


QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # real processes make shrinking take minutes


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(steps=st.lists(STEPS, min_size=2, max_size=7))
def test_whatever_is_done_between_two_questions_the_cached_answer_is_the_fresh_one(
    template: Path, steps: list[Step]
) -> None:
    with TemporaryDirectory() as home:
        check_sequence(template, steps, Path(home))


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(steps=st.lists(STEPS, min_size=2, max_size=12))
def test_the_same_in_long(template: Path, steps: list[Step]) -> None:
    with TemporaryDirectory() as home:
        check_sequence(template, steps, Path(home))


def test_what_a_file_says_depends_on_its_name_and_content_alone(repo: Repository) -> None:
    view = open_view(repo.root)
    store = view._snapshots.store
    said = Reader(store, "test").read(view.tree, sorted(view.tree.files)).plain
    assert Reader(store, "test").read(view.tree, sorted(view.tree.files)).plain == said
    repo.write({"libs/copy/__init__.py": FILES["libs/db/__init__.py"]})
    again = Reader(store, "test").read(open_view(repo.root).tree, ["libs/copy/__init__.py"]).plain
    assert again["libs/copy/__init__.py"] == said["libs/db/__init__.py"]


def test_the_shell_completes_the_names_of_the_last_answer_and_finds_nothing_out(
    repo: Repository, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def completed(incomplete: str) -> list[str]:
        command = click.Command("x")
        return project_names(click.Context(command), click.Argument(["project"]), incomplete)

    monkeypatch.chdir(repo.root / "services")
    assert completed("") == []
    open_view(repo.root).graph  # noqa: B018
    repo.write({"libs/more/__init__.py": ""})
    builds.clear()
    assert completed("") == ["common", "db", "orders", "users"]
    assert completed("o") == ["orders"]
    assert builds == []
    open_view(repo.root).graph  # noqa: B018
    assert completed("m") == ["more"]
