"""How a service starts and where it listens, read of its files."""

from __future__ import annotations

import pytest

from decant_tools.workspace.entrypoint import Entry, Port, Start, takes_port

APP = "from flask import Flask\nimport os\napp = Flask(__name__)\n"


def entry(**files: str) -> Entry:
    contents = {f"s/{name.replace('_', '.', 1)}": text.encode() for name, text in files.items()}
    contents = {path.replace("Dockerfile.", "Dockerfile"): text for path, text in contents.items()}
    return Entry("s", contents.get)


def start(**files: str) -> Start:
    found = entry(**files).start()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ("app.run(host='0.0.0.0', port=5001)", Port(5001, "s/app.py:4")),
        ("if __name__ == '__main__':\n    app.run(port=5001, debug=True)", Port(5001, "s/app.py:5")),
        ("app.run('0.0.0.0', 5001)", Port(5001, "s/app.py:4")),
        ("app.run()", Port(5000, "s/app.py:4")),
        ("app.run(port=int(os.environ.get('PORT', 5001)))", Port(5001, "s/app.py:4", "PORT")),
        ("app.run(port=os.getenv('USER_PORT', '5001'))", Port(5001, "s/app.py:4", "USER_PORT")),
        ("app.run(port=int(os.environ.get('PORT') or 5001))", Port(5001, "s/app.py:4", "PORT")),
        ("app.run(port=os.environ['PORT'])", Port(0, "s/app.py:4", "PORT")),
        ("PORT = 5001\napp.run(port=PORT)", Port(5001, "s/app.py:5")),
        ("def main():\n    port: int = 5001\n    app.run(port=port)", Port(5001, "s/app.py:6")),
        ("class Config:\n    PORT = int(os.environ.get('PORT', 5001))\napp.run(port=Config.PORT)", Port(5001, "s/app.py:6", "PORT")),
        ("from config import WEB_PORT as port\napp.run(port=port)", Port(5007, "s/app.py:5")),
        ("import config\napp.run(port=config.WEB_PORT)", Port(5007, "s/app.py:5")),
        ("parser.add_argument('--port', type=int, default=5001)\nargs = parser.parse_args()\napp.run(port=args.port)", Port(5001, "s/app.py:6")),
        ("socketio.run(app, port=5001)", Port(5001, "s/app.py:4")),
        ("serve(app, host='0.0.0.0', port=5001)", Port(5001, "s/app.py:4")),
        ("run_simple('0.0.0.0', 5001, app)", Port(5001, "s/app.py:4")),
        ("app.run(port=choose())", None),
        ("app.run(**options)", None),
    ],
)  # fmt: skip
def test_a_port_is_read_of_the_source(lines: str, port: Port | None) -> None:
    found = start(app_py=f"{APP}{lines}\n", config_py="WEB_PORT = 5007\n")
    assert found == Start("python app.py", "s/app.py", port)


def test_what_runs_something_else_is_no_server() -> None:
    text = f"{APP}import subprocess, asyncio\nsubprocess.run(['ls'])\nasyncio.run(main())\n"
    assert start(app_py=text).command == "flask --app app run --port $PORT"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"app_py": APP}, "flask --app app run --port $PORT"),
        ({"wsgi_py": "from shop import create_app\napp = create_app()\n"}, "flask --app wsgi run --port $PORT"),
        ({"app_py": "def create_app():\n    ...\n", "run_py": "from app import create_app\ncreate_app().run(port=1)\n"}, "python run.py"),
        ({"main_py": "from fastapi import FastAPI\napi = FastAPI()\n"}, "uvicorn main:api --port $PORT"),
        ({"manage_py": "import django\n"}, "python manage.py runserver $PORT --noreload"),
        ({"manage_py": "from flask.cli import FlaskGroup\ncli = FlaskGroup()\n"}, "python manage.py run --port $PORT"),
        ({"Procfile": "worker: celery\nweb: gunicorn -b 0.0.0.0:$PORT app:app\n", "app_py": APP}, "gunicorn -b 0.0.0.0:$PORT app:app"),
        ({"Dockerfile_": 'FROM python\nCMD ["gunicorn", "--bind", "0.0.0.0:8080", "shop:app"]\n'}, "gunicorn --bind 0.0.0.0:8080 shop:app"),
    ],
)  # fmt: skip
def test_a_command_is_found(files: dict[str, str], command: str) -> None:
    assert start(**files).command == command


def test_nothing_says_how_it_starts() -> None:
    assert entry(helpers_py="x = 1\n").start() is None


def test_a_file_that_is_no_python_now_is_still_what_is_started() -> None:
    assert start(app_py="def (:\n") == Start("python app.py", "s/app.py")


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("FROM x\nEXPOSE 8080/tcp 9090\n", Port(8080, "s/Dockerfile:2")),
        ("ARG WEB=7001\nexpose ${WEB}\n", Port(7001, "s/Dockerfile:2")),
        ("EXPOSE $UNKNOWN\n", None),
        ("# EXPOSE 80\n", None),
    ],
)
def test_a_port_is_read_of_the_dockerfile(text: str, port: Port | None) -> None:
    assert entry(Dockerfile_=text).exposed() == port


@pytest.mark.parametrize(
    ("command", "takes", "port"),
    [
        ("python app.py", False, Port(5001, "s/app.py:4")),
        ("python3.12 app.py", False, Port(5001, "s/app.py:4")),
        ("gunicorn app:app", True, None),
        ("gunicorn -b 0.0.0.0:7000 app:app", False, Port(7000, "")),
        ("flask --app app run", True, None),
        ("flask run --port 7000", False, Port(7000, "")),
        ("flask run -p ${PORT}", True, None),
        ("./start.sh", False, None),
    ],
)
def test_a_command_says_where_it_listens_or_takes_what_it_is_told(command: str, takes: bool, port: Port | None) -> None:
    assert takes_port(command) is takes
    assert entry(app_py=f"{APP}app.run(port=5001)\n").port_of(command) == port
