"""From what lies in a repository to what `decant up` starts: command, port, environment, order; nothing is run."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from decant.errors import CommandError, SettingsError
from decant_tools.run.plan import Planned, ProcessPlan
from decant_tools.run.planner import Planner, Wanted
from decant_tools.run.ports import free_ports
from decant_tools.workspace.environments import Environment
from decant_tools.workspace.environments.wishes import wishes_of
from decant_tools.workspace.foreign import Foreign, ForeignService, open_foreign, workspace_to_ask

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\napp.run(port={})\n"
FREE = 'int(os.environ.get("PORT", 0) or 0)'

Write = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a repository and go there."""
    for name in ("PORT", "DECANT_HOME", "DECANT_TOPOLOGY", "DECANT_ENV"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "shop"

    def into(files: Mapping[str, str]) -> Path:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / ".git").mkdir(exist_ok=True)  # where a search upwards ends; it is no repository
        monkeypatch.chdir(root)
        return root

    return into


@pytest.fixture
def plan(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Planned]]:
    planners: list[Planner] = []
    nothing = Environment(Path("/venv"), Path("/venv/bin"), Path("/venv/bin/python"), ("/ws/libs",), {})
    monkeypatch.setattr(Foreign, "environment", lambda *_, **__: nothing)

    def make(files: Mapping[str, str], **wanted: object) -> Planned:
        write(files)
        foreign = open_foreign()
        planners.append(Planner(foreign.workspace, Wanted(**wanted), "run-1", foreign))  # type: ignore[arg-type]
        planners[-1].prepare(lambda sentence: None)
        return planners[-1].plan()

    yield make
    for planner in planners:
        planner.ports.close()


def app(name: str, port: object = FREE) -> dict[str, str]:
    return {f"services/{name}/app.py": APP.format(port), f"services/{name}/requirements.txt": "flask\n"}


def found(name: str) -> ForeignService:
    return open_foreign().services[name]


def test_a_repository_without_a_file_of_ours_is_a_workspace(write: Write) -> None:
    root = write({**app("users", 5001), **app("orders", 5002)})
    foreign = open_foreign()
    assert [(each.name, each.command, each.port, each.port_at) for each in foreign.services.values()] == [
        ("orders", "python app.py", 5002, "services/orders/app.py:4"),
        ("users", "python app.py", 5001, "services/users/app.py:4"),
    ]
    assert (foreign.workspace.root, foreign.workspace.name, foreign.workspace.topology) == (root, "shop", "services")
    assert [(spec.name, spec.path) for spec in foreign.workspace.services()] == [
        ("orders", "services/orders"), ("users", "services/users"),
    ]  # fmt: skip


@pytest.mark.parametrize("inside", ["", "services/users", "libs"])
def test_an_example_deep_in_a_repository_is_a_workspace_of_its_own(
    write: Write, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    root = write(
        {f"examples/mono/{path}": text for path, text in {**app("users", 5001), "libs/x/__init__.py": ""}.items()}
    )
    monkeypatch.chdir(root / "examples" / "mono" / inside)
    foreign = open_foreign()
    assert (foreign.workspace.root, list(foreign.services)) == (root / "examples" / "mono", ["users"])


def test_a_folder_in_a_service_does_not_make_it_a_workspace(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({**app("users", 5001), "services/users/apps/blog/models.py": "", "backend/services/x/app.py": ""})
    for inside in ("services/users", "services/users/apps/blog", "backend/services"):
        monkeypatch.chdir(root / inside)
        assert open_foreign().workspace.root == root


def test_a_folder_with_nothing_to_start_keeps_its_clear_error(write: Write) -> None:
    write({"notes.txt": ""})
    for ask in (open_foreign, workspace_to_ask):
        with pytest.raises(SettingsError, match=r"There is no decant.toml in .* or above"):
            ask()


def test_what_decant_toml_says_comes_before_what_is_found(write: Write) -> None:
    toml = '[services.users]\ncommand = "gunicorn app:app"\nport = 7001\n[services.orders]\nneeds = ["users"]\n'
    write({**app("users", 5001), **app("orders", 5002), "decant.toml": toml})
    users, orders = found("users"), found("orders")
    assert (users.command, users.command_at) == ("gunicorn app:app", "decant.toml:2")
    assert (users.port, users.port_at, users.port_name) == (7001, "decant.toml:3", "PORT")
    assert (orders.command, orders.needs) == ("python app.py", {"users"})


def test_a_service_that_only_has_an_address_runs_elsewhere(write: Write) -> None:
    write({**app("users"), "decant.toml": '[services.users]\nurl = "http://127.0.0.1:9000"\n'})
    assert open_foreign().services == {}
    assert [spec.url for spec in open_foreign().workspace.services()] == ["http://127.0.0.1:9000"]


@pytest.mark.parametrize(
    ("files", "port", "at", "name"),
    [
        ({"app.py": APP.format('int(os.environ.get("WEB_PORT", 5001))')}, 5001, "services/users/app.py:4", "WEB_PORT"),
        ({"app.py": APP.format('int(os.environ.get("WEB_PORT", 5001))'), ".env": "WEB_PORT=5009\n"}, 5009, "services/users/.env:1", "WEB_PORT"),
        ({"app.py": APP.format("choose()"), "Dockerfile": "FROM x\nEXPOSE 8080\n"}, 8080, "services/users/Dockerfile:2", "PORT"),
        ({"app.py": APP.format(5001), "Dockerfile": "FROM x\nEXPOSE 8080\n"}, 5001, "services/users/app.py:4", ""),
        ({"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, 0, "", "PORT"),
        ({"app.py": "from flask import Flask\napp = Flask(__name__)\n", ".env": "PORT=5010\n"}, 5010, "services/users/.env:1", "PORT"),
    ],
)  # fmt: skip
def test_the_port_is_the_sources_else_the_dockerfiles_else_any(
    write: Write, files: dict[str, str], port: int, at: str, name: str
) -> None:
    root = write({f"services/users/{path}": text for path, text in files.items()})
    service = found("users")
    where = service.port_at.removeprefix(f"{root}/")
    assert (service.port, where, service.port_name) == (port, at, name)


def test_layers_of_configuration_and_their_sources(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("F", "process")
    files = {
        "decant.toml": '[services.users.env]\nA = "toml"\nB = "toml"\nC = "toml"\nD = "toml"\nE = "toml"\nF = "toml"\nG = "$F"\n',
        ".env": "B=1\nC=1\nD=1\nE=1\nF=1\nPORT=5099\n",
        ".env.development": "C=2\nD=2\nE=2\nF=2\n",
        "services/users/.env": "D=3\nE=3\nF=3\n",
        "services/users/.env.development": "E=4\nF=4\n",
        "services/users/.env.production": "E=5\n",
    }
    write({**app("users", 5001), **files})
    foreign = open_foreign()
    shown = {name: (text.value, text.source) for name, text in foreign.services["users"].variables.items()}
    assert shown == {
        "A": ("toml", "decant.toml:2"), "B": ("1", ".env:1"), "C": ("2", ".env.development:1"),
        "D": ("3", "services/users/.env:1"), "E": ("4", "services/users/.env.development:1"),
        "F": ("4", "services/users/.env.development:2"), "G": ("$F", "decant.toml:8"),
    }  # fmt: skip
    environ = foreign.environ("users", {"F": "process"}, 5001)
    assert [environ[name] for name in "ABCDEFG"] == ["toml", "1", "2", "3", "4", "process", "process"]
    assert environ["PORT"] == environ["FLASK_RUN_PORT"] == "5001"


def test_what_a_link_leads_to_is_read(write: Write) -> None:
    root = write({**app("users", 5001), "services/users/requirements.txt": "attrs\n", "services/orders/x.txt": ""})
    for name in ("app.py", "requirements.txt"):
        (root / "services/orders" / name).symlink_to(f"../users/{name}")
    foreign = open_foreign()
    orders = foreign.services["orders"]
    assert (orders.command, orders.port) == ("python app.py", 5001)
    (line,) = wishes_of(foreign.view, orders.project, "run").lines
    assert (line.text, line.at) == ("attrs", "services/orders/requirements.txt:1")


def test_only_what_decant_toml_says_is_replaced_and_a_password_stays_as_it_is(write: Write) -> None:
    files = {
        "decant.toml": '[services.users.env]\nGREETING = "hello $WHO"\nSECRET = "$WHO"\n',
        "services/users/.env": "SECRET='pa$$word$WHO'\n",
    }
    write({**app("users", 5001), **files})
    environ = open_foreign().environ("users", {"WHO": "you"}, 5001)
    assert (environ["GREETING"], environ["SECRET"]) == ("hello you", "pa$$word$WHO")


def test_passwords_in_a_command_are_not_shown(write: Write) -> None:
    from decant_tools.workspace.configured import describe

    write({
        **app("users"),
        "services/users/Procfile": "web: gunicorn app:app -e DB=postgres://u:hunter2@h/db --token=hunter3 -w 2\n",
    })  # fmt: skip
    _, rows = describe("decant.toml")
    (shown,) = [row.text for row in rows if row.key.endswith(".command")]
    assert shown == '"gunicorn app:app -e DB=postgres://u:***@h/db --token= *** -w 2"'


def test_each_runs_in_its_folder_with_its_own_python_and_knows_the_others(
    plan: Callable[..., Planned], tmp_path: Path
) -> None:
    planned = plan({**app("users"), **app("orders"), ".env": "GREETING=hello\n"})
    by_name = {each.name: each for each in planned.processes}
    users = by_name["users"]
    assert users.argv[-2:] == ("python", "app.py")
    assert users.cwd == tmp_path / "shop" / "services" / "users"
    assert users.environ["PATH"].startswith("/venv/bin:")
    assert users.environ["PYTHONPATH"].startswith("/ws/libs")
    assert users.environ["PORT"] == str(users.port)
    assert users.environ["GREETING"] == "hello"
    assert users.environ["ORDERS_SERVICE_URL"] == by_name["orders"].url
    assert users.environ["DECANT_RUN"] == "run-1/users"
    assert (planned.edge, planned.manifest) == (None, None)


def test_one_service_is_started_with_what_it_declares_to_need_and_after_it(plan: Callable[..., Planned]) -> None:
    files = {**app("users"), **app("orders"), **app("mail"), "decant.toml": '[services.orders]\nneeds = ["users"]\n'}
    planned = plan(files, services=("orders",))
    assert [(each.name, set(each.after)) for each in planned.processes] == [("users", set()), ("orders", {"users"})]
    assert [each.name for each in plan(files, services=("orders",), with_needs=False).processes] == ["orders"]
    assert [each.name for each in plan(files, services=("mail",)).processes] == ["mail"]
    with pytest.raises(CommandError, match="has no service 'ordres'") as caught:
        plan(files, services=("ordres",))
    assert caught.value.exit_code == 4


def test_a_gateway_is_started_where_one_is_configured(plan: Callable[..., Planned]) -> None:
    (port,) = free_ports(1)
    route = f'[gateway]\nport = {port}\n[[gateway.routes]]\npath = "/users/*"\nto = "users"\n'
    planned = plan({**app("users"), "decant.toml": f"[services.users]\n{route}"})
    assert [each.name for each in planned.processes] == ["users", "gateway"]
    assert planned.edge == f"http://127.0.0.1:{port}"


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_port_in_use_is_told_and_port_auto_helps_who_takes_one(plan: Callable[..., Planned]) -> None:
    with listener() as taken:
        port = taken.getsockname()[1]
        takes = app("users", f'int(os.environ.get("PORT", {port}))')
        with pytest.raises(CommandError, match=rf"services/users/app.py:4: .*{port}") as caught:
            plan(takes)
        assert (caught.value.exit_code, "--port-auto" in str(caught.value.hint)) == (6, True)
        (users,) = plan(takes, is_free_choice=True).processes
        assert users.port != port
        assert users.environ["PORT"] == str(users.port)


def test_port_auto_cannot_help_a_program_that_takes_no_port(plan: Callable[..., Planned]) -> None:
    with listener() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"services/users/app.py:4: .*{port}") as caught:
            plan(app("users", port), is_free_choice=True)
        assert caught.value.exit_code == 6
        assert (
            f'--port-auto cannot help, as `python app.py` takes no port: write port=int(os.environ.get("PORT", {port}))'
            in str(caught.value.hint)
        )


def test_two_services_on_one_port_are_both_named(plan: Callable[..., Planned]) -> None:
    (port,) = free_ports(1)
    with pytest.raises(CommandError, match=rf"{port} is the port of `\w+` too\. `\w+` listens there") as caught:
        plan({**app("users", port), **app("orders", port)})
    assert caught.value.exit_code == 6


def test_a_configured_port_that_the_source_does_not_take_is_refused(plan: Callable[..., Planned]) -> None:
    with pytest.raises(
        CommandError, match=r"decant.toml:2: users is to listen on 7001, but services/users/app.py:4 says 5001"
    ) as caught:
        plan({**app("users", 5001), "decant.toml": "[services.users]\nport = 7001\n"})
    assert caught.value.exit_code == 3


def test_what_cannot_be_started_says_what_to_write(plan: Callable[..., Planned]) -> None:
    with pytest.raises(CommandError, match=r"Nothing in services/users says how users is started") as caught:
        plan({"services/users/requirements.txt": "flask\n"})
    assert (caught.value.exit_code, caught.value.hint) == (3, 'Say so in decant.toml: [services.users] command = "…"')


def test_what_cannot_be_started_is_left_out_where_something_else_can(plan: Callable[..., Planned]) -> None:
    files = {"services/jobs/requirements.txt": "celery\n", **app("users")}
    assert [each.name for each in plan(files).processes] == ["users"]
    with pytest.raises(CommandError, match="Nothing in services/jobs"):
        plan(files, services=("jobs",))


def test_a_service_is_made_of_its_folder_and_of_its_libs(write: Write) -> None:
    root = write({
        **app("users"), "services/users/tests/test_users.py": "", "services/users/.env": "A=1\n",
        "libs/common/__init__.py": "", "libs/other/__init__.py": "",
        "services/users/views.py": "from common import x\n",
    })  # fmt: skip
    files = open_foreign().files_of("users", (".py", ".env", ".txt"))
    assert {path.relative_to(root).as_posix() for path in files} == {
        "services/users/app.py", "services/users/requirements.txt", "services/users/views.py", "services/users/.env",
        "libs/common/__init__.py",
    }  # fmt: skip


@pytest.mark.parametrize("inside", ["orders", "src/orders", "app", "src"])
def test_code_in_a_package_is_started_as_a_module(plan: Callable[..., Planned], inside: str) -> None:
    folder, package = f"services/orders/{inside}", inside.rpartition("/")[2]
    files = {f"{folder}/__init__.py": "", f"{folder}/settings.py": f"PORT = {free_ports(1)[0]}\n", f"{folder}/app.py": (
        "from flask import Flask\nfrom .settings import PORT\napp = Flask(__name__)\napp.run(port=PORT)\n"
    ), "services/orders/requirements.txt": "flask\n"}  # fmt: skip
    (orders,) = plan(files).processes
    assert orders.argv[-2:] == (("python", "src/app.py") if inside == "src" else ("-m", f"{package}.app"))
    assert files[f"{folder}/settings.py"] == f"PORT = {orders.port}\n"


@pytest.mark.parametrize("inside", ["orders", "src/orders", "src/shop", "app"])
@pytest.mark.parametrize("made", ["app = Flask(__name__)\n", "def create_app():\n    return Flask(__name__)\n"])
def test_an_application_in_a_package_itself_is_started_by_flask(write: Write, inside: str, made: str) -> None:
    files = {
        f"services/orders/{inside}/__init__.py": f"from flask import Flask\n{made}",
        "services/orders/requirements.txt": "flask\n",
        "libs/orders/__init__.py": made,
    }
    write(files)
    orders = open_foreign().services["orders"]
    assert orders.command == f"flask --app {inside.rpartition('/')[2]} run --port $PORT"
    assert orders.command_at == f"services/orders/{inside}/__init__.py"


def test_a_file_that_starts_it_comes_before_its_package(write: Write) -> None:
    write({**app("orders", 5001), "services/orders/orders/__init__.py": "from flask import Flask\napp = Flask('x')\n"})
    assert open_foreign().services["orders"].command == "python app.py"


def test_a_start_after_the_first_is_of_the_files_as_they_are_then(plan: Callable[..., Planned], write: Write) -> None:
    (first,) = plan({**app("users"), "services/users/.env": "A=1\n"}).processes
    assert first.renew is not None
    write({"services/users/.env": "A=2\n", "services/users/Procfile": "web: python app.py --fast\n"})
    started: list[ProcessPlan] = [first.renew(), first.renew()]
    assert [each.environ["A"] for each in started] == ["1", "2"]
    assert started[1].argv[-3:] == ("python", "app.py", "--fast")
    assert started[1].port == first.port
