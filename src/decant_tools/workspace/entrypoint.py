"""How a service starts and where it listens, read of its source: nothing is executed.

``app.run(port=5001)``, ``app.run(port=int(os.environ.get("PORT", 5001)))``, ``PORT = 5001`` further up or in
``config.py`` beside it, and the like of waitress, uvicorn and werkzeug. What cannot be read that way is not known.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator
from posixpath import dirname, join
from typing import NamedTuple

Read = Callable[[str], "bytes | None"]

STARTS = ("app.py", "wsgi.py", "main.py", "manage.py", "asgi.py", "run.py", "server.py", "__main__.py")
"""Files that start a service, in the order in which they are looked for."""

PACKAGE = "__init__.py"
"""May hold the application of a package: ``flask --app orders run``."""

BESIDE = ("Procfile", "Dockerfile", "Containerfile", PACKAGE)
"""Files beside them that say how a service starts, and where it listens."""


def inner_folder(path: str, name: str) -> str | None:
    """Return the dotted name of a folder in a service that its code may lie in; None where it may not.

    Args:
        path: Relative to the service.
        name: The service's name.
    """
    parts = path.split("/")
    if parts[0] == "src":
        return ".".join(parts[1:]) if len(parts) < 3 else None
    return path if path in {"app", name, name.replace("-", "_")} else None


FLASK_PORT = 5000
UVICORN_PORT = 8000
_RUNNERS = {"run", "serve", "run_simple", "make_server", "run_server", "serve_forever"}
_NOT_SERVERS = {"subprocess", "asyncio", "sp", "trio", "anyio", "unittest", "pytest", "loop", "runner", "cli", "mcp"}
_SECOND = {"run_simple", "make_server"}
"""Calls whose second positional argument is the port."""

_EXPOSE = re.compile(r"^\s*EXPOSE\s+\$?\{?(?P<port>[A-Za-z0-9_]+)", re.IGNORECASE)
_VALUE = re.compile(r"^\s*(?:ENV|ARG)\s+(?P<name>\w+)[= ]\s*\"?(?P<value>\d+)", re.IGNORECASE)


class Port(NamedTuple):
    """Where a program listens.

    Attributes:
        number: The port; 0 where only the environment says it.
        at: Where that is written.
        name: The environment name that changes it, or "" where nothing does.
    """

    number: int
    at: str
    name: str = ""


class Start(NamedTuple):
    """How a service is started.

    Attributes:
        command: Runs in its folder.
        at: The file that says so.
        port: Where it listens by itself, or None where that is not known.
    """

    command: str
    at: str
    port: Port | None = None


class Entry:
    """The files of one service.

    Args:
        folder: Its path, relative to the workspace.
        read: Reads a file of the workspace; None where there is none.
        inside: Folders in it that its code may lie in, and the dotted name of each: ``("src/orders", "orders")``.
    """

    def __init__(self, folder: str, read: Read, inside: Iterable[tuple[str, str]] = ()) -> None:
        self._folder = folder
        self._read = read
        self._inside = [(join(folder, place), dotted) for place, dotted in inside]

    def start(self) -> Start | None:
        """Return how it is started; None where nothing says so.

        A ``web:`` line of a ``Procfile`` comes first, then a file that runs a server by itself, then one that has a
        Flask (or FastAPI) application, then ``CMD`` of its Dockerfile.
        """
        return self._procfile() or self._script() or self._application() or self._image() or self._broken()

    def port_of(self, command: str) -> Port | None:
        """Return where a command listens: as it says itself, or as the Python file does that it runs."""
        words = command.split()
        for word in words[1:] if words and re.match(r"(?:.*/)?python[\d.]*$", words[0]) else ():
            if word.endswith(".py"):
                path = join(self._folder, word)
                tree = self._tree(path)
                return self._served(path, tree) if tree is not None else None
        return told_port(command, "")

    def exposed(self) -> Port | None:
        """Return the first port that its Dockerfile exposes."""
        names: dict[str, int] = {}
        for path in ("Dockerfile", "Containerfile"):
            for number, line in enumerate(self._text(path).splitlines(), 1):
                if value := _VALUE.match(line):
                    names[value["name"]] = int(value["value"])
                if found := _EXPOSE.match(line):
                    port = int(found["port"]) if found["port"].isdecimal() else names.get(found["port"], 0)
                    if 0 < port < 65536:
                        return Port(port, f"{join(self._folder, path)}:{number}")
        return None

    # --- commands ---

    def _procfile(self) -> Start | None:
        path = join(self._folder, "Procfile")
        for number, line in enumerate(self._text("Procfile").splitlines(), 1):
            if line.startswith("web:") and (command := line[4:].strip()):
                return Start(command, f"{path}:{number}", self.port_of(command))
        return None

    def _script(self) -> Start | None:
        for path, dotted in self._files():
            tree = self._tree(path)
            if path == join(self._folder, "manage.py"):
                return self._manage(path)
            if tree is not None and any(_server_calls(tree)):
                return Start(self._python(path, dotted), path, self._served(path, tree))
        return None

    def _manage(self, path: str) -> Start:
        text = self._text("manage.py")
        if "django" in text:
            return Start("python manage.py runserver $PORT --noreload", path)
        if "flask_script" in text:
            return Start("python manage.py runserver --port $PORT", path)
        return Start("python manage.py run --port $PORT", path)

    def _application(self) -> Start | None:
        for path, dotted in (*self._files(), *self._packages()):
            tree = self._tree(path)
            made = _application_in(tree) if tree is not None else None
            if made == "flask":
                return Start(f"flask --app {dotted} run --port $PORT", path)
            if made is not None:
                return Start(f"uvicorn {dotted}:{made} --port $PORT", path)
        return None

    def _files(self) -> Iterator[tuple[str, str]]:
        """Yield the files that may start it, and how each is imported in its folder."""
        for place, prefix in [(self._folder, ""), *self._inside]:
            for name in STARTS:
                if self._read(join(place, name)) is not None:
                    stem = name.removesuffix(".py")
                    yield join(place, name), f"{prefix}.{stem}" if prefix else stem

    def _packages(self) -> Iterator[tuple[str, str]]:
        """Yield the files of packages that may hold the application, and how each is imported."""
        for place, dotted in self._inside:
            if dotted and self._read(join(place, PACKAGE)) is not None:
                yield join(place, PACKAGE), dotted

    def _broken(self) -> Start | None:
        """Return a start of a file that is no Python now: whoever starts it is told by Python why."""
        for path, dotted in self._files():
            tree = self._tree(path)
            if tree is not None and not tree.body and (self._read(path) or b"").strip():
                return Start(self._python(path, dotted), path)
        return None

    def _image(self) -> Start | None:
        for path in ("Dockerfile", "Containerfile"):
            lines = list(enumerate(self._text(path).splitlines(), 1))
            for number, line in reversed(lines):
                if found := re.match(r"\s*CMD\s+(?P<command>.+)$", line, re.IGNORECASE):
                    command = _command_of(found["command"].strip())
                    if command is not None:
                        return Start(command, f"{join(self._folder, path)}:{number}", self.port_of(command))
        return None

    def _python(self, path: str, dotted: str) -> str:
        """Return the command that runs a file: by its name, or as a module of its package."""
        if "." in dotted:
            return f"python -m {dotted.removesuffix('.__main__')}"
        return f"python {path.removeprefix(f'{self._folder}/')}"

    # --- ports ---

    def _served(self, path: str, tree: ast.Module) -> Port | None:
        """Return where the first server call of a file listens."""
        values = _Values(tree, lambda module: self._module(dirname(path), module))
        for call, word in _server_calls(tree):
            at = f"{path}:{call.lineno}"
            given = next((keyword.value for keyword in call.keywords if keyword.arg == "port"), None)
            if given is None and len(call.args) > 1 and (word in _SECOND or word == "run"):
                given = call.args[1]
            if given is None:
                if any(keyword.arg is None for keyword in call.keywords):  # **options may hold it
                    return None
                default = {"run": FLASK_PORT, "serve": 8080}.get(word)
                return Port(default, at) if default else None
            found = values.port(given)
            return Port(found[0], at, found[1]) if found else None
        return None

    def _module(self, folder: str, dotted: str) -> ast.Module | None:
        """Return a module that lies beside a file, or in the service's folder."""
        path = f"{dotted.replace('.', '/')}.py"
        places = dict.fromkeys((folder, self._folder, *(dirname(place) for place, _ in self._inside)))
        return next((tree for place in places if (tree := self._tree(join(place, path))) is not None), None)

    def _tree(self, path: str) -> ast.Module | None:
        raw = self._read(path)
        try:
            return None if raw is None else ast.parse(raw)
        except (SyntaxError, ValueError):
            return ast.Module([], [])

    def _text(self, name: str) -> str:
        return (self._read(join(self._folder, name)) or b"").decode("utf-8", "replace")


def _command_of(written: str) -> str | None:
    """Return the command of a ``CMD``; None for what begins with something other than a program."""
    if not written.startswith("["):
        return written
    try:
        words = json.loads(written)
    except ValueError:
        return None
    import shlex

    return " ".join(word if "$" in word else shlex.quote(word) for word in words) if words else None


def _server_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield the calls that serve, and the name of what is called."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in _RUNNERS - {"run", "serve_forever"}:
            yield node, called.id
        elif isinstance(called, ast.Attribute) and called.attr in _RUNNERS:
            owner = called.value.id if isinstance(called.value, ast.Name) else ""
            if owner not in _NOT_SERVERS and called.attr != "serve_forever":
                yield node, called.attr


def _application_in(tree: ast.Module) -> str | None:
    """Return ``flask`` for a Flask application or factory, the name of an ASGI one, or None."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in {"create_app", "make_app"}:
            return "flask"
        if isinstance(node, ast.ImportFrom) and {"app", "application"} & {a.asname or a.name for a in node.names}:
            return "flask"
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            made = ast.unparse(node.value.func).rpartition(".")[2]
            if isinstance(target, ast.Name):
                if made in {"FastAPI", "Starlette", "Quart"}:
                    return target.id
                if made in {"Flask", "APIFlask", "OpenAPI"} or target.id in {"app", "application"}:
                    return "flask"
    return None


class _Values:
    """Works out what an expression is before anything runs."""

    def __init__(self, tree: ast.Module, module: Callable[[str], ast.Module | None]) -> None:
        self._tree = tree
        self._module = module

    def port(self, node: ast.expr, depth: int = 0) -> tuple[int, str] | None:
        """Return a port and the environment name that changes it; None where that cannot be worked out."""
        if depth > 8:
            return None
        match node:
            case ast.Constant(value=int() as value) if not isinstance(value, bool):
                return (value, "") if 0 <= value < 65536 else None
            case ast.Constant(value=str() as text) if text.strip().isdecimal():
                return int(text), ""
            case ast.Call(func=ast.Name(id="int" | "str"), args=[inner]):
                return self.port(inner, depth + 1)
            case ast.BoolOp(op=ast.Or(), values=[first, *rest]):
                mine, other = self.port(first, depth + 1), self.port(rest[-1], depth + 1)
                return (mine[0] or (other[0] if other else 0), mine[1]) if mine else other
            case ast.Call(args=[ast.Constant(value=str() as name), *rest]) if _reads_environ(node.func):
                default = rest[0] if rest else next((k.value for k in node.keywords if k.arg == "default"), None)
                found = self.port(default, depth + 1) if default is not None else (0, "")
                return (found[0] if found else 0, name)
            case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str() as name)):
                return 0, name
            case ast.Name(id=name):
                return self._named(self._tree, name, depth)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self._member(owner, name, depth)
        return None

    def _named(self, tree: ast.Module, name: str, depth: int) -> tuple[int, str] | None:
        """Return the port in a constant, assigned anywhere in the file or imported of one beside it."""
        values = _Values(tree, self._module)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return values.port(node.value, depth + 1)
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                return values.port(node.value, depth + 1) if node.value is not None else None
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    other = self._module(node.module) if (alias.asname or alias.name) == name else None
                    if other is not None:
                        return _Values(other, self._module)._named(other, alias.name, depth + 1)
        return None

    def _member(self, owner: str, name: str, depth: int) -> tuple[int, str] | None:
        """Return the port in ``Config.PORT``, ``config.PORT`` or ``args.port``."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ClassDef) and node.name == owner:
                return self._named(ast.Module(node.body, []), name, depth + 1)
            if isinstance(node, ast.Import) and owner in {alias.asname or alias.name for alias in node.names}:
                module = next(alias.name for alias in node.names if (alias.asname or alias.name) == owner)
                other = self._module(module)
                return _Values(other, self._module)._named(other, name, depth + 1) if other is not None else None
            if isinstance(node, ast.ImportFrom) and owner in {alias.asname or alias.name for alias in node.names}:
                other = self._module(node.module) if node.module else self._module(owner)
                return _Values(other, self._module)._member(owner, name, depth + 1) if other is not None else None
            match node:
                case ast.Call(func=ast.Attribute(attr="add_argument")) if any(
                    isinstance(arg, ast.Constant) and str(arg.value).lstrip("-").replace("-", "_") == name
                    for arg in node.args
                ):
                    default = next((each.value for each in node.keywords if each.arg == "default"), None)
                    return self.port(default, depth + 1) if default is not None else None
        return None


def _reads_environ(function: ast.expr) -> bool:
    return ast.unparse(function) in {"os.environ.get", "environ.get", "os.getenv", "getenv", "env.int", "env"}


def told_port(command: str, at: str) -> Port | None:
    """Return the port that a command itself names: ``--port 5001``, ``-b 0.0.0.0:5001``."""
    found = re.search(r"(?:--port|-p)[= ](?P<port>\d+)\b|(?:-b|--bind|--listen)[= ]?\S*:(?P<bound>\d+)\b", command)
    return Port(int(found["port"] or found["bound"]), at) if found else None


def takes_port(command: str) -> bool:
    """Return whether a command listens where it is told: by ``$PORT``, or as gunicorn and ``flask run`` are told."""
    if "$PORT" in command or "${PORT" in command:
        return True
    words = command.split()
    return told_port(command, "") is None and (
        any(re.fullmatch(r"(.*/)?gunicorn", word) for word in words) or {"flask", "run"} <= set(words)
    )
