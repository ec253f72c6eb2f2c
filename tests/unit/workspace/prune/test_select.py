"""What a project needs is taken, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from decant_tools.workspace.discover import Config, Discovery, Extras
from decant_tools.workspace.git import LINK
from decant_tools.workspace.model import Edge, Graph, Project, file_node
from decant_tools.workspace.prune import Pruned, prune_project
from decant_tools.workspace.tree import MemoryTree

ORDERS = Project("service", "orders", "services/orders")
USERS = Project("service", "users", "services/users")
COMMON = Project("lib", "common", "libs/common")
BASE = Project("lib", "base", "libs/base")
OTHER = Project("lib", "other", "libs/other")
PLAIN = (BASE, COMMON, OTHER, ORDERS, USERS)
NEEDS = (
    Edge("lib:common", "lib:base", "import", "libs/common/a.py:1"),
    Edge("service:orders", "lib:common", "manifest", "services/orders/requirements.txt:1"),
)
FILES = {
    "README.md": "",
    "Makefile": "",
    "pyproject.toml": "[tool.black]\n",
    "libs/base/__init__.py": "",
    "libs/common/__init__.py": "",
    "libs/common/tests/test_a.py": "",
    "libs/other/__init__.py": "",
    "services/orders/app.py": "import load_test\n",
    "services/orders/load_test.py": "",
    "services/orders/test_app.py": "",
    "services/orders/conftest.py": "",
    "services/orders/__pycache__/app.cpython-311.pyc": "",
    "services/orders/.env": "SECRET=1",
    "services/orders/.env.example": "",
    "services/orders/requirements.txt": "../../libs/common\nflask\n",
    "services/users/app.py": "",
}


def prune(
    files: Mapping[str, str],
    project: Project = ORDERS,
    *,
    projects: Iterable[Project] = PLAIN,
    edges: Iterable[Edge] = NEEDS,
    discovery: Discovery | None = None,
    with_tests: bool = False,
    tree: MemoryTree | None = None,
) -> Pruned:
    view: Any = SimpleNamespace(
        tree=tree or MemoryTree(files),
        graph=Graph(projects, edges),
        discovery=discovery or Discovery(tuple(projects), Config()),
    )
    return prune_project(view, project, with_tests=with_tests)


def test_the_closure_without_tests_caches_and_secrets() -> None:
    found = prune(FILES)
    assert found.files == (
        "libs/base/__init__.py",
        "libs/common/__init__.py",
        "services/orders/.env.example",
        "services/orders/app.py",
        "services/orders/load_test.py",
        "services/orders/requirements.txt",
    )
    assert found.notes == ("left out, for they may hold secrets: services/orders/.env.",)


class Linked(MemoryTree):
    """Files of which those with ``link`` in their names are links."""

    @property
    def modes(self) -> Mapping[str, str]:
        return {path: LINK for path in self.files if "link" in path}


def test_no_link_leads_to_a_secret() -> None:
    files = {
        **FILES,
        "services/orders/link_one": "../../conf",
        "services/orders/link_two": "../../.env",
        "conf/a.toml": "",
        "conf/.env": "SECRET=1",
        ".env": "SECRET=1",
    }
    found = prune(files, tree=Linked(files))
    assert {path for path in found.files if not path.startswith("libs/")} >= {"services/orders/link_one", "conf/a.toml"}
    assert not {".env", "conf/.env"} & {*found.files}
    assert found.notes[0] == "left out, for they may hold secrets: .env, conf/.env, services/orders/.env."


def test_private_keys_stay_behind_and_certificates_do_not() -> None:
    begin = "-----BEGIN {}PRIVATE KEY-----\n"
    files = {
        **FILES,
        "services/orders/ca.pem": "-----BEGIN CERTIFICATE-----\n",
        "services/orders/tls.key": begin.format(""),
        "services/orders/both.pem": f"-----BEGIN CERTIFICATE-----\n{begin.format('EC ')}",
        "services/orders/id_ed25519": begin.format("OPENSSH "),
        "services/orders/keys.key": "a b c",
        "services/orders/.netrc": "",
    }
    found = prune(files)
    assert {path for path in found.files if "key" in path or "pem" in path} == {
        "services/orders/ca.pem",
        "services/orders/keys.key",
    }
    assert "services/orders/.netrc" not in found.files
    assert found.notes == (
        "left out, for they may hold secrets: services/orders/.env, services/orders/.netrc, services/orders/both.pem and 2 more.",
    )


def test_tests_come_along_where_they_are_asked_for() -> None:
    found = prune(FILES, with_tests=True)
    assert {"libs/common/tests/test_a.py", "services/orders/conftest.py", "services/orders/test_app.py"} <= {
        *found.files
    }


def test_a_folder_called_test_that_holds_none_stays() -> None:
    more = {
        "services/orders/templates/test/page.html": "",
        "services/orders/inner/tests/test_a.py": "",
        "services/orders/inner/tests/data/a.json": "",
        "services/orders/tests/data.json": "",
        "services/orders/inner/tests.py": "",
    }
    found = prune({**FILES, **more})
    assert {*found.files} & more.keys() == {"services/orders/templates/test/page.html"}


def test_a_project_in_the_folder_of_another_stays_behind() -> None:
    inner = Project("lib", "inner", "services/orders/inner")
    found = prune({**FILES, "services/orders/inner/a.py": ""}, projects=(*PLAIN, inner))
    assert "services/orders/inner/a.py" not in found.files


def test_declared_files_come_along_with_those_of_libs() -> None:
    config = Config(extras={"lib:common": Extras(("proto/*.proto",)), "service:users": Extras(("sql",))})
    files = {**FILES, "proto/a.proto": "", "proto/b.txt": "", "sql/a.sql": ""}
    found = prune(files, discovery=Discovery(PLAIN, config))
    assert "proto/a.proto" in found.files
    assert not {"proto/b.txt", "sql/a.sql"} & {*found.files}


def test_what_the_dockerfile_copies_from_the_workspace_comes_along() -> None:
    docker = "FROM x\nCOPY libs libs\nCOPY services/orders /app\nCOPY Makefile certs/*.pem /etc/\n"
    files = {**FILES, "services/orders/Dockerfile": docker, "certs/a.pem": "", "certs/a.key": ""}
    found = prune(files)
    assert (found.dockerfile, found.context) == ("services/orders/Dockerfile", "")
    assert {"Makefile", "certs/a.pem"} <= {*found.files}
    assert not {"certs/a.key", "libs/other/__init__.py"} & {*found.files}


def test_a_dockerfile_for_its_own_folder_takes_nothing_from_the_root() -> None:
    docker = "FROM x\nCOPY requirements.txt .\nCOPY . .\n"
    found = prune({**FILES, "services/orders/Dockerfile": docker, "requirements.txt": ""})
    assert found.context == "services/orders"
    assert "requirements.txt" not in found.files


def test_included_requirements_come_along_reduced() -> None:
    files = {
        **FILES,
        "services/orders/requirements.txt": "-r ../../requirements/base.txt\n-c ../../requirements/all.txt\n",
        "requirements/base.txt": "-r more.txt\n",
        "requirements/more.txt": "click\n",
        "requirements/users.txt": "boto3\n",
        "requirements/all.txt": (
            "a==1 --hash=sha256:aa\n    # via -r services/orders/requirements.txt\n"
            "b==1 --hash=sha256:bb\n    # via -r services/users/requirements.txt\n"
            "c==1 --hash=sha256:cc\n    # via -r requirements/tools.in\n"
        ),
    }
    found = prune(files)
    assert {each for each in found.files if each.startswith("requirements/")} == {
        "requirements/base.txt",
        "requirements/more.txt",
        "requirements/all.txt",
    }
    assert list(found.changed) == ["requirements/all.txt"]
    assert [line[:4] for line in found.changed["requirements/all.txt"].decode().splitlines()[::2]] == ["a==1", "c==1"]


def test_hashes_without_origins_are_kept_whole_and_said() -> None:
    files = {**FILES, "services/orders/requirements.txt": "-r ../../all.txt\n", "all.txt": "a==1 --hash=sha256:aa\n"}
    found = prune(files)
    assert not found.changed
    assert any("all.txt is kept whole" in note for note in found.notes)


def member(name: str) -> str:
    return f'[project]\nname = "{name}"\nversion = "0.1.0"\n'


UV = {
    **FILES,
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["services/*", "libs/*"]\n',
    ".python-version": "3.11\n",
    "services/orders/pyproject.toml": member("orders"),
    "services/users/pyproject.toml": member("users"),
    "libs/common/pyproject.toml": member("common"),
    "uv.lock": 'version = 1\nrequires-python = ">=3.11"\n\n[manifest]\nmembers = [\n    "common",\n    "orders",\n    "users",\n]\n'
    + "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "0.1.0"\nsource = {{ editable = "{path}" }}\n'
        for name, path in (("common", "libs/common"), ("orders", "services/orders"), ("users", "services/users"))
    ),
}


def test_the_root_of_a_uv_workspace_comes_along_reduced() -> None:
    found = prune(UV)
    assert {"pyproject.toml", "uv.lock", ".python-version"} <= {*found.files}
    assert b"users" not in found.changed["uv.lock"]
    assert found.changed["uv.lock"].count(b"[[package]]") == 2
    assert not found.notes[1:]


def test_a_lock_that_cannot_be_reduced_is_kept_whole_and_said() -> None:
    found = prune({**UV, "uv.lock": "version = 9\n"})
    assert "uv.lock" in found.files
    assert "uv.lock" not in found.changed
    assert any(note.startswith("uv.lock is kept whole") for note in found.notes)


CATALOG = Project("module", "catalog", "shop/catalog")
CART = Project("module", "cart", "shop/cart")
FRONT = Project("service", "front", "shop", modules=("cart",))
BACK = Project("service", "back", "shop", modules=("catalog",))
MODULES = {
    "decant.toml": "",
    "decant.production.toml": "",
    "README.md": "",
    "shop/__init__.py": "",
    "shop/wsgi.py": "",
    "shop/words.py": "",
    "shop/tests/test_all.py": "",
    "shop/templates/base.html": "",
    "shop/static/a.css": "",
    "shop/cart/__init__.py": "",
    "shop/cart/service.py": "",
    "shop/cart/migrations/0001.py": "",
    "shop/cart/tests/test_cart.py": "",
    "shop/catalog/__init__.py": "",
    "shop/catalog/api.py": "",
    "shop/catalog/types.py": "",
    "shop/catalog/models.py": "",
    "shop/catalog/migrations/0001.py": "",
}


def test_of_modules_hosted_elsewhere_only_contracts_come_along() -> None:
    edges = (
        Edge("module:cart", file_node("shop/cart/service.py"), "holds", ""),
        Edge("service:front", "module:cart", "hosts", ""),
        *(
            Edge("service:front", file_node(f"shop/{name}"), "ships", "")
            for name in ("wsgi.py", "words.py", "templates/base.html", "static/a.css", "tests/test_all.py")
        ),
        Edge(file_node("shop/catalog/api.py"), file_node("shop/catalog/types.py"), "import", "shop/catalog/api.py:1"),
    )
    projects = (CART, CATALOG, BACK, FRONT)
    discovery = Discovery(projects, Config(), (), "shop", "shop", ("cart", "catalog"))
    found = prune(MODULES, FRONT, projects=projects, edges=edges, discovery=discovery)
    assert found.files == (
        "decant.production.toml",
        "decant.toml",
        "shop/__init__.py",
        "shop/cart/__init__.py",
        "shop/cart/migrations/0001.py",
        "shop/cart/service.py",
        "shop/catalog/__init__.py",
        "shop/catalog/api.py",
        "shop/catalog/types.py",
        "shop/static/a.css",
        "shop/templates/base.html",
        "shop/words.py",
        "shop/wsgi.py",
    )


def test_copying_everything_means_everything_that_is_needed() -> None:
    files = {**FILES, "services/orders/Dockerfile": "FROM x\nCOPY . .\nCOPY libs/common /x\n"}
    edges = (
        *NEEDS,
        Edge("service:orders", file_node("./"), "copy", ""),
        Edge(file_node("./"), "lib:other", "copy", ""),
    )
    found = prune(files, edges=edges)
    assert found.context == ""
    assert not {each for each in found.files if each.startswith(("libs/other", "services/users"))}
