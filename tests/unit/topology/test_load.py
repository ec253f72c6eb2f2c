from __future__ import annotations

from pathlib import Path

import pytest

from decant.errors import SettingsError
from decant.topology import load_workspace
from tests.support.workspace import HEAD, MODULES, faults, load, write_workspace


def test_modules_are_found_on_disk_without_importing_them(tmp_path: Path) -> None:
    write_workspace(tmp_path)
    (tmp_path / "shop" / "auth" / "__init__.py").write_text("raise RuntimeError")
    for other in ("tests", "_private", ".hidden"):
        (tmp_path / "shop" / other).mkdir()
        (tmp_path / "shop" / other / "__init__.py").touch()
    (tmp_path / "shop" / "templates").mkdir()
    assert load_workspace(tmp_path, environ={}).modules == MODULES


def test_a_package_may_lie_in_src(tmp_path: Path) -> None:
    (tmp_path / "src" / "shop" / "one").mkdir(parents=True)
    (tmp_path / "src" / "shop" / "one" / "__init__.py").touch()
    (tmp_path / "decant.toml").write_text(HEAD)
    workspace = load_workspace(tmp_path, environ={})
    assert workspace.package_path == tmp_path / "src" / "shop"
    assert workspace.import_name("one") == "shop.one"


def test_an_excluded_package_is_no_module(tmp_path: Path) -> None:
    assert load(tmp_path, HEAD + 'exclude = ["cart"]').modules == ("auth", "catalog", "orders")


def test_the_file_is_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_workspace(tmp_path)
    monkeypatch.chdir(tmp_path / "shop" / "auth")
    assert load_workspace(environ={}).root == tmp_path


def test_without_a_file_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"There is no decant\.toml in .* or above\. Create one"):
        load_workspace(environ={})


def test_the_default_of_the_workspace_name_is_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "my shop"
    root.mkdir()
    (root / "decant.toml").write_text("")
    assert load_workspace(root, environ={}).name == "my-shop"


def test_a_workspace_without_modules_may_hold_foreign_services(tmp_path: Path) -> None:
    (tmp_path / "decant.toml").write_text('[services.legacy]\nurl = "http://127.0.0.1:9000/"')
    (legacy,) = load_workspace(tmp_path, environ={}).services()
    assert (legacy.foreign, legacy.url, legacy.port) == (True, "http://127.0.0.1:9000", 9000)


@pytest.mark.parametrize("prefix", ["/api", "/a/b-c", ""])
def test_a_public_prefix_is_kept(tmp_path: Path, prefix: str) -> None:
    assert load(tmp_path, f'{HEAD}prefix = "{prefix}"').public_prefix == prefix


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        (HEAD + "[gatway]", "decant.toml:4: unknown key 'gatway'. Did you mean 'gateway'?"),
        (HEAD + "topolgy = 1", "decant.toml:4: unknown key 'topolgy' in [workspace]. Did you mean 'topology'?"),
        ("workspace = 3", "decant.toml:1: workspace must be a table. Write [workspace] and `key = value` lines below it."),
        (HEAD + 'prefix = "api/"', 'decant.toml:4: workspace.prefix is "api/". Write one such as "/api", without a slash at the end.'),
        (HEAD + 'topology = "servics"', "decant.toml:4: there is no topology \"servics\". Did you mean 'services'?"),
        (HEAD + 'exclude = ["crt"]', "decant.toml:4: there is no package \"crt\". Did you mean 'cart'?"),
        ('[workspace]\nmodules = "shp"', "decant.toml:2: workspace.modules is not there. Create the folder shp/ or src/shp/."),
        ('[workspace]\nname = "a b"', 'decant.toml:2: workspace.name is "a b". Use letters, digits, - and _, a letter first.'),
        ("[workspace]\nname = 7", "decant.toml:2: workspace.name must be text in quotes, not 7."),
        ('[workspace]\nmodules = "a-b"', 'decant.toml:2: workspace.modules is "a-b", which is no name of a package.'),
        ('settings = "x"', "decant.toml:1: settings must be a table. Write [settings] and `key = value` lines below it."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_cure(tmp_path: Path, toml: str, fault: str) -> None:
    assert fault in faults(tmp_path, toml)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    toml = HEAD + '[topologies.x]\nfront = ["auht"]\n[services.nope]\nport = "1"\n[gateway]\nport = 0\n'
    found = faults(tmp_path, toml, {"DECANT_TOPOLOGY": "y"})
    assert len(found) == 6
    assert found[-1] == 'environment DECANT_TOPOLOGY: there is no topology "y". There are: x.'


@pytest.mark.parametrize("name", ["not-importable", "class", "decant"])
def test_a_folder_that_cannot_be_a_module_is_told(tmp_path: Path, name: str) -> None:
    write_workspace(tmp_path, modules=[name])
    with pytest.raises(SettingsError, match=f"{name}, which is no name for a module. Rename or exclude it."):
        load_workspace(tmp_path, environ={})


def test_the_topology_is_chosen_by_argument_then_environment_then_file(tmp_path: Path) -> None:
    path = write_workspace(tmp_path, HEAD + 'topology = "a"\n[topologies]\na.x = ["*"]\nb.x = ["*"]\nc.x = ["*"]')
    environ = {"DECANT_TOPOLOGY": "b"}
    assert load_workspace(path, environ={}).topology == "a"
    assert load_workspace(path, environ=environ).topology == "b"
    assert load_workspace(path, environ=environ, topology="c").topology == "c"


def test_the_topology_may_be_chosen_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DECANT_TOPOLOGY=services")
    assert load(tmp_path).topology == "services"


def test_home_lies_beside_the_file_unless_it_is_named(tmp_path: Path) -> None:
    workspace = load(tmp_path)
    assert workspace.home() == tmp_path / ".decant"
    assert workspace.home({"DECANT_HOME": "/var/lib/shop"}) == Path("/var/lib/shop")


def test_calls_are_strict_in_development_and_direct_in_production(tmp_path: Path) -> None:
    workspace = load(tmp_path)
    assert workspace.call_mode() == "strict"
    assert workspace.call_mode({"DECANT_ENV": "production"}) == "direct"
    assert workspace.call_mode({"DECANT_CALLS_MODE": "direct"}) == "direct"
