from __future__ import annotations

import pytest

from decant.errors import SettingsError
from decant_tools.workspace.discover import AffectedTable, CacheTable, Config, Extras, TaskTable, discover
from decant_tools.workspace.tree import MemoryTree
from tests.unit.workspace.discover.trees import found_in, ids, project

PLAIN = ("services/orders/app.py", "services/users/app.py", "libs/common/__init__.py", "proto/x.proto")


def config(toml: str, *paths: str) -> Config:
    return discover(MemoryTree({**dict.fromkeys((*PLAIN, *paths), ""), "decant.toml": toml}), is_strict=True).config


def faults(toml: str, *paths: str) -> list[str]:
    tree = MemoryTree({**dict.fromkeys((*PLAIN, *paths), ""), "decant.toml": toml})
    with pytest.raises(SettingsError) as caught:
        discover(tree, folder="shop", is_strict=True)
    lenient = discover(tree, folder="shop")
    assert [f"{each.at}: {each.message}" for each in sorted(lenient.findings)] == sorted(caught.value.faults)
    assert {each.level for each in lenient.findings} == {"error"}
    return list(caught.value.faults)


def test_without_a_file_everything_has_its_default() -> None:
    assert found_in(*PLAIN).config == Config()


def test_a_project_is_declared_where_no_convention_finds_it() -> None:
    toml = '[services.legacy]\npath = "old/thing"\n[libs.shared]\npath = "./shared/"'
    discovery = found_in("old/thing/run.py", "shared/x.py", files={"decant.toml": toml})
    assert ids(discovery) == {"lib:shared": "shared", "service:legacy": "old/thing"}
    assert not project(discovery, "legacy").is_found


def test_a_declared_path_gives_what_is_found_there_another_name() -> None:
    toml = '[services.shop-orders]\npath = "services/orders"'
    discovery = found_in(*PLAIN, files={"decant.toml": toml})
    assert ids(discovery) == {
        "lib:common": "libs/common",
        "service:shop-orders": "services/orders",
        "service:users": "services/users",
    }


def test_a_table_of_a_found_name_is_about_what_was_found() -> None:
    discovery = found_in(
        *PLAIN, files={"decant.toml": "[services.orders]\nport = 5003\n[services.orders.env]\nA = 'b'"}
    )
    assert ids(discovery)["service:orders"] == "services/orders"
    assert (project(discovery, "orders").is_found, project(discovery, "users").is_found) == (False, True)
    table = discovery.config.services["orders"]
    assert (table.port, table.env, table.path, table.at) == (5003, {"A": "b"}, None, "decant.toml:1")


def test_what_is_only_an_address_is_no_project() -> None:
    discovery = found_in(*PLAIN, files={"decant.toml": '[services.legacy]\nurl = "http://127.0.0.1:9000"'})
    assert "service:legacy" not in ids(discovery)
    assert discovery.config.services["legacy"].url == "http://127.0.0.1:9000"


def test_code_that_nothing_starts_becomes_a_service_when_it_is_declared() -> None:
    discovery = found_in(
        "services/worker/worker.py", files={"decant.toml": '[services.worker]\ncommand = "python worker.py"'}
    )
    assert ids(discovery) == {"service:worker": "services/worker"}
    declared = found_in(
        "services/worker/worker.py", files={"decant.toml": '[services.worker]\npath = "services/worker"'}
    )
    assert ids(declared) == {"service:worker": "services/worker"}
    assert declared.findings == ()


def test_extras_name_projects_and_files() -> None:
    toml = '[services.orders]\nfiles = ["proto/*.proto"]\nneeds = ["common", "service:users"]\n[libs.common]\nfiles = ["a"]'
    assert config(toml).extras == {
        "service:orders": Extras(("proto/*.proto",), ("lib:common", "service:users"), "decant.toml:2"),
        "lib:common": Extras(("a",), (), "decant.toml:5"),
    }


def test_tasks_are_for_all_or_for_one_project() -> None:
    toml = """
[tasks.test]
command = "pytest"
inputs = ["**/*.py"]
outputs = ["report.xml"]
env = ["CI"]
needs = ["build", "^build"]
cache = false
timeout_s = 90
[services.orders.tasks.test]
command = "pytest -x"
[libs.common.tasks.lint]
timeout_s = 1.5
"""
    found = config(toml)
    assert found.tasks == {
        "test": TaskTable(
            "pytest", ("**/*.py",), ("report.xml",), ("CI",), ("build", "^build"), False, 90.0, "decant.toml:2"
        )
    }  # fmt: skip
    assert found.project_tasks == {
        "service:orders": {"test": TaskTable("pytest -x", at="decant.toml:10")},
        "lib:common": {"lint": TaskTable(timeout_s=1.5, at="decant.toml:12")},
    }


def test_what_selects_is_told_with_ids() -> None:
    toml = '[affected]\nbase = "origin/main"\nall = ["ci/**"]\nnothing = ["docs/**"]\n[affected.files]\n"proto/**" = ["orders"]'
    expected = AffectedTable(
        "origin/main", ("ci/**",), ("docs/**",), {"proto/**": ("service:orders",)}, "decant.toml:1"
    )
    assert config(toml).affected == expected


def test_the_cache_has_an_address_and_a_size() -> None:
    assert config('[cache]\nurl = "https://cache.example.org/x"\nsize_mb = 500').cache == CacheTable(
        "https://cache.example.org/x", 500
    )


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("[servces.orders]", "decant.toml:1: unknown key 'servces'. Did you mean 'services'?"),
        ("[services.orders]\nprot = 1", "decant.toml:2: unknown key 'prot' in [services.orders]. Did you mean 'port'?"),
        ("[libs.common]\nport = 1", "decant.toml:2: unknown key 'port' in [libs.common]. There are: path, files, needs, tasks."),
        ("[libs.comon]", "decant.toml:1: libs.comon is no lib here. Did you mean 'common'? Or write its `path`."),
        ('[libs.x]\npath = "libs/x"', 'decant.toml:2: libs.x.path is "libs/x", and there is no such folder.'),
        ('[libs.x]\npath = "../x"', 'decant.toml:2: libs.x.path is "../x". Write a folder of this workspace, for instance services/orders.'),
        ('[libs.x]\npath = "libs/common"\n[libs.common]', "decant.toml:3: libs.common.path is \"libs/common\", which is the path of 'x' already."),
        ("[services.order]", "decant.toml:1: services.order is in no topology. Did you mean 'orders'? A foreign service needs `url`, `command` or `path`."),
        ('[services.x]\npath = "nowhere"', 'decant.toml:2: services.x.path is "nowhere", and there is no such folder.'),
        ('[services.orders]\nneeds = ["usrs"]', "decant.toml:2: there is no other project \"usrs\". Did you mean 'users'?"),
        ('[services.orders]\nneeds = ["orders"]', "decant.toml:2: there is no other project \"orders\". There are: common, users."),
        ('[services.orders]\nfiles = "x"', 'decant.toml:2: services.orders.files must be a list, not "x".'),
        ('[services.orders]\nfiles = ["/etc/*"]', 'decant.toml:2: "/etc/*" leaves the workspace. Write it without / before, and ..'),
        ('[tasks.test]\ncomand = "x"', "decant.toml:2: unknown key 'comand' in [tasks.test]. Did you mean 'command'?"),
        ('[tasks]\ntest = "pytest"', "decant.toml:2: tasks.test must be a table. Write [tasks.test] and `key = value` lines below it."),
        ("[tasks.test]\ncache = 1", "decant.toml:2: tasks.test.cache must be true or false, not 1."),
        ("[tasks.test]\ntimeout_s = 0", "decant.toml:2: tasks.test.timeout_s must be from 0.001 to 604800, not 0."),
        ('[tasks.test]\ncommand = ""', "decant.toml:2: tasks.test.command is empty. Write what runs, or delete the line."),
        ("[tasks.test]\nenv = [1]", "decant.toml:2: tasks.test.env holds text in quotes, not 1."),
        ("[services.orders.tasks.test]\ncach = true", "decant.toml:2: unknown key 'cach' in [services.orders.tasks.test]. Did you mean 'cache'?"),
        ("[affected]\nbasis = 1", "decant.toml:2: unknown key 'basis' in [affected]. Did you mean 'base'?"),
        ('[affected.files]\n"x/*" = ["odrers"]', "decant.toml:2: there is no other project \"odrers\". Did you mean 'orders'?"),
        ('[cache]\nurl = "x"', 'decant.toml:2: cache.url is "x", which is no address. Write one such as https://cache.example.org/decant'),
        ("[modules.cart]", 'decant.toml:1: there is no module "cart". There are none.'),
        ("x = tru", "decant.toml:1: Invalid value in column 5: `x = tru`. Put text into quotes: x = \"tru\""),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_its_line(toml: str, fault: str) -> None:
    assert faults(toml) == [fault]


def test_everything_wrong_is_told_at_once() -> None:
    assert len(faults("[affcted]\n[tasks.a]\nx = 1\n[libs.y]\n[services.z]\n")) == 4


def test_two_of_one_name_are_told_apart_by_their_ids() -> None:
    both = ("libs/users/__init__.py",)
    assert faults('[services.orders]\nneeds = ["users"]', *both) == [
        'decant.toml:2: "users" may be lib:users or service:users: write which.'
    ]
    found = config('[services.orders]\nneeds = ["lib:users"]', *both)
    assert found.extras["service:orders"].needs == ("lib:users",)


def test_the_file_may_begin_with_a_mark_and_must_be_utf_8() -> None:
    tree = MemoryTree({"decant.toml": b"\xef\xbb\xbf[cache]\nsize_mb = 3", "services/a/app.py": ""})
    assert discover(tree, is_strict=True).config.cache.size_mb == 3
    with pytest.raises(SettingsError, match=r"decant\.toml:1: Byte 0xff is not UTF-8"):
        discover(MemoryTree({"decant.toml": b"\xff"}), is_strict=True)
