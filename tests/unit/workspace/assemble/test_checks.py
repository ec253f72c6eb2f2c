from __future__ import annotations

from tests.unit.workspace.assemble.graphs import PLAIN, finding, found, graph_of

LIST = "services/orders/requirements.txt"


def test_an_import_that_nobody_declares_is_an_error_with_the_line_to_add() -> None:
    error = finding(graph_of({**PLAIN, "services/orders/app.py": "\nimport db"}), "undeclared-import")
    assert (error.level, error.at) == ("error", "services/orders/app.py:2")
    assert error.message == "orders imports db and does not declare it."
    assert error.fix == f"Add this line to {LIST}: ../../libs/db"


def test_it_is_told_once_for_each_project_and_lib() -> None:
    files = {
        **PLAIN,
        "services/orders/app.py": "import db\nimport db.connection\nimport common_utils",
        "services/orders/b.py": "import db",
    }
    assert found(graph_of(files), "undeclared-import") == [
        ("undeclared-import", "services/orders/app.py:1"),
        ("undeclared-import", "services/orders/app.py:3"),
    ]


def test_the_fix_follows_the_manifest_that_there_is() -> None:
    files = {
        **PLAIN,
        "services/orders/pyproject.toml": '[project]\nname = "orders"\n',
        "services/orders/app.py": "import db",
        "libs/db/connection.py": "import common_utils",
    }
    fixes = [each.fix for each in graph_of(files).findings if each.code == "undeclared-import"]
    assert fixes == [
        "Add this line to libs/db/requirements.txt: ../common_utils",
        'Add to the dependencies in services/orders/pyproject.toml: "db", and to [tool.uv.sources]: db = { path = "../../libs/db" }',
    ]


def test_whoever_declares_it_hears_nothing() -> None:
    source = {**PLAIN, "services/orders/app.py": "import db"}
    declared = [
        {LIST: "../../libs/db"},
        {LIST: "-r ../../requirements/base.txt", "requirements/base.txt": "../libs/db"},
        {"decant.toml": '[workspace]\nname = "x"\n[services.orders]\nneeds = ["db"]'},
    ]
    for more in declared:
        assert found(graph_of({**source, **more}), "undeclared-import") == []


def test_what_an_image_copies_is_not_declared_by_that() -> None:
    files = {**PLAIN, "services/orders/app.py": "import db", "services/orders/Dockerfile": "COPY libs/db /libs/db"}
    assert found(graph_of(files), "undeclared-import") == [("undeclared-import", "services/orders/app.py:1")]


def test_of_two_that_offer_a_name_the_declared_one_is_meant() -> None:
    files = {
        **PLAIN,
        "libs/a/src/tools/__init__.py": "",
        "libs/b/src/tools/__init__.py": "",
        "services/orders/app.py": "import tools",
        LIST: "../../libs/a",
    }
    assert found(graph_of(files), "undeclared-import") == []


def test_a_declaration_that_nobody_needs_is_a_note() -> None:
    files = {**PLAIN, LIST: "flask\n../../libs/db\n../../libs/common_utils\n", "services/orders/app.py": "import db"}
    note = finding(graph_of(files), "unused-declaration")
    assert (note.level, note.at) == ("note", f"{LIST}:3")


def test_imports_that_only_the_program_knows_are_notes() -> None:
    files = {**PLAIN, "services/orders/app.py": "\n__import__(name)\n", "scripts/x.py": "__import__(name)"}
    assert found(graph_of(files), "dynamic-import") == [("dynamic-import", "services/orders/app.py:2")]


def test_sources_that_cannot_be_read_are_warnings() -> None:
    warning = finding(graph_of({**PLAIN, "libs/db/connection.py": "import common_utils\nx = '\n"}), "unreadable-source")
    assert (warning.level, warning.at) == ("warning", "libs/db/connection.py:2")


def test_projects_that_need_each_other_are_a_warning_that_names_the_way() -> None:
    files = {
        **PLAIN,
        "libs/db/connection.py": "import common_utils",
        "libs/common_utils/helpers.py": "import third",
        "libs/third/__init__.py": "import db",
        "services/orders/app.py": "import db",
    }
    warning = finding(graph_of(files), "cycle")
    assert (warning.level, warning.at) == ("warning", "libs/common_utils/helpers.py:1")
    assert "common_utils → third → db → common_utils" in warning.message


def test_a_clean_workspace_has_no_findings() -> None:
    assert found(graph_of(PLAIN)) == []
