"""Random monorepos of real Python code, and what really happens when it is imported and run.

Every module has a ``value()`` that is worked out of a constant of its own and of the values of what it imports. So a
change shows in all that depend on it, and in nothing else: as another value, or as an error.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hypothesis import strategies as st

from decant_tools.workspace.model import Kind

TOP = (
    "from {package}.{module} import value as {alias}",
    "import {package}.{module} as {alias}\n{alias} = {alias}.value",
    "import {package}.{module}\n{alias} = lambda: {package}.{module}.value()",
    "from {package} import {module} as {alias}\n{alias} = {alias}.value",
    "from {package} import (\n    {module} as {alias},\n)\n{alias} = {alias}.value",
    "from {package}.{module} \\\n    import value as {alias}",
    "import os; from {package}.{module} import value as {alias}",
    "if TYPE_CHECKING:\n    from {package}.{module} import value as {alias}",
    "if typing.TYPE_CHECKING:\n    import {package}.{module} as {alias}\n    {alias} = {alias}.value",
    "try:\n    from {package}.{module} import value as {alias}\nexcept ImportError:\n    {alias} = lambda: 7",
    (
        "with contextlib.suppress(ImportError):\n    from {package} import {module} as {alias}_it\n"
        "{alias} = lambda: {alias}_it.value() if '{alias}_it' in globals() else 8"
    ),
    "class _{alias}:\n    from {package}.{module} import value\n{alias} = _{alias}.value",
    "from {package}.{module} import *\n{alias} = value_of_{unit}_{module}",
    "{alias} = importlib.import_module('{package}.{module}').value",
    "from importlib import import_module as load\n{alias} = load('{package}.{module}').value",
    "{alias} = importlib.import_module('.{module}', package='{package}').value",
    "def {alias}():\n    from {package}.{module} import value\n    return value()",
    "def {alias}():\n    from {package} import {module}\n    return {module}.value()",
    "def {alias}():\n    if True: import {package}.{module} as it; return it.value()",
    "def {alias}():\n    return importlib.import_module('{package}.{module}').value()",
    "def {alias}():\n    return __import__('{package}.{module}', fromlist=['value']).value()",
    "{alias} = lambda: [each for each in [importlib.import_module('{package}.{module}')]][0].value()",
)
"""Ways to import a module and to call it. What is under TYPE_CHECKING is run too: a type checker reads it."""

RELATIVE = (
    "from .{module} import value as {alias}",
    "from . import {module} as {alias}\n{alias} = {alias}.value",
    "def {alias}():\n    from . import {module}\n    return {module}.value()",
    "def {alias}():\n    from .{module} import value as it\n    return it()",
)
WHOLE = (
    "from {package} import value as {alias}",
    "import {package} as {alias}\n{alias} = {alias}.value",
    "def {alias}():\n    import {package}\n    return {package}.value()",
)
"""Ways to import what a package's ``__init__`` offers."""

HEAD = "import contextlib\nimport importlib\nimport pathlib\nimport typing\nfrom typing import TYPE_CHECKING\n\n"

RUNNER = """
import contextlib, hashlib, importlib, importlib.util, json, pathlib, sys, typing
typing.TYPE_CHECKING = True
sys.dont_write_bytecode = True
asked = json.load(sys.stdin)
root = pathlib.Path(asked["root"])
plain, known, found = list(sys.path), set(sys.modules), {}
for unit in asked["units"]:
    sys.path[:] = [str(root / each) for each in unit["path"]] + plain
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    values = {}
    for name in unit["modules"]:
        try:
            module = importlib.import_module(name)
            values[name] = module.value() if hasattr(module, 'value') else None
        except BaseException as error:
            values[name] = type(error).__name__
    for pattern in unit["globs"]:
        values[pattern] = [
            [str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest()]
            for path in sorted(root.glob(pattern)) if path.is_file()
        ]
    found[unit["id"]] = values
    for name in set(sys.modules) - known:
        del sys.modules[name]
json.dump(found, sys.stdout)
"""


@dataclass
class Unit:
    """A project.

    Attributes:
        kind: What it is.
        name: Its name.
        path: Its folder.
        code: The folder of its modules.
        names: The dotted names of that folder; "" where its modules are imported by their own names.
        roots: What its process has on its path, before what all have.
        modules: Names of modules; each imports only what stands before it.
        globs: Files outside that it reads.
        offers: Whether its ``__init__`` has a value.
    """

    kind: Kind
    name: str
    path: str
    code: str
    names: tuple[str, ...]
    roots: tuple[str, ...] = ()
    modules: list[str] = field(default_factory=list)
    globs: list[str] = field(default_factory=list)
    offers: bool = False

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass
class Monorepo:
    """A repository that is not written yet."""

    files: dict[str, str] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    maybe: list[str] = field(default_factory=list)
    """Files that are asked for and are not there."""

    def observe(self, root: Path) -> dict[str, object]:
        """Return what each project's modules do, in one process for all of them."""
        shared = [*dict.fromkeys(root_ for unit in self.units if unit.kind == "lib" for root_ in unit.roots), ""]
        asked = {
            "root": str(root),
            "units": [
                {
                    "id": unit.id,
                    "path": [*unit.roots, *shared],
                    "modules": [self._dotted(unit, path) for path in sorted((root / unit.code).glob("*.py"))],
                    "globs": unit.globs,
                }
                for unit in self.units
                if (root / unit.path).is_dir()
            ],
        }
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", RUNNER], input=json.dumps(asked), capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def _dotted(self, unit: Unit, path: Path) -> str:
        parts = [unit.names[0], "" if path.stem == "__init__" else path.stem]
        return ".".join(part for part in parts if part)


@dataclass(frozen=True)
class Mutation:
    """What is done to a repository: files that are written, and files that go."""

    what: str
    written: dict[str, str]
    gone: tuple[str, ...] = ()

    def apply(self, root: Path) -> None:
        for path in self.gone:
            (root / path).unlink()
            _prune((root / path).parent, root)
        for path, text in self.written.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)


def _prune(folder: Path, root: Path) -> None:
    """Remove empty folders, as git does not know them."""
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _lib(name: str, layout: str) -> Unit:
    at = f"libs/{name}"
    if layout == "flat":
        return Unit("lib", name, at, at, (name, f"libs.{name}"), ("libs",))
    if layout == "inner":
        return Unit("lib", name, at, f"{at}/{name}", (name, f"libs.{name}.{name}"), (at,))
    if layout == "src":
        return Unit("lib", name, at, f"{at}/src/{name}", (name,), (f"{at}/src",))
    if layout == "namespace":
        return Unit("lib", name, at, f"{at}/src/acme/{name}", (f"acme.{name}",), (f"{at}/src",))
    folder = f"my-{name}"
    return Unit("lib", folder, f"libs/{folder}", f"libs/{folder}/my_{name}", (f"my_{name}",), (f"libs/{folder}",))


def _service(name: str, layout: str) -> Unit:
    at = f"services/{name}"
    if layout == "flat":
        return Unit("service", name, at, at, ("",), (at,))
    if layout == "package":
        return Unit("service", name, at, f"{at}/{name}_app", (f"{name}_app",), (at,))
    return Unit("service", name, at, f"{at}/src/{name}_app", (f"{name}_app",), (f"{at}/src",))


@st.composite
def monorepos(draw: st.DrawFn) -> Monorepo:
    """Draw a repository of libs and services, perhaps with modules of one package."""
    repo = Monorepo()
    layouts = ("flat", "inner", "src", "namespace", "hyphen")
    libs = [_lib(f"lib{n}", draw(st.sampled_from(layouts))) for n in range(draw(st.integers(1, 3)))]
    services = [
        _service(f"svc{n}", draw(st.sampled_from(("flat", "package", "src")))) for n in range(draw(st.integers(1, 3)))
    ]
    count = draw(st.sampled_from((0, 0, 2, 3)))
    modules = [Unit("module", f"mod{n}", f"shop/mod{n}", f"shop/mod{n}", (f"shop.mod{n}",)) for n in range(count)]
    repo.files["README.md"] = "# Everything\n"
    repo.files["proto/shared.proto"] = "message Shared {}\n"
    for unit in (*libs, *modules, *services):
        _write(draw, repo, unit)
        repo.units.append(unit)
    for unit in services:
        _describe(draw, repo, unit, libs)
    for unit in libs:
        if draw(st.booleans()):
            name = unit.names[0].rpartition(".")[2].replace("_", "-")
            repo.files[f"{unit.path}/pyproject.toml"] = f'[project]\nname = "{name}"\nversion = "1.0"\n'
    _settle(repo, services, has_modules=bool(modules))
    return repo


def _write(draw: st.DrawFn, repo: Monorepo, unit: Unit) -> None:
    """Write the modules of a project."""
    is_package = bool(unit.names[0])
    names = ["api", "core", "extra"][: draw(st.integers(1, 3))]
    if unit.kind == "service":
        names = [*names[:-1], "app"]
    for name in names:
        repo.files[f"{unit.code}/{name}.py"] = _module(draw, repo, unit, name)
        unit.modules.append(name)
    if is_package:
        unit.offers = draw(st.booleans())
        last = unit.modules[-1]
        repo.files[f"{unit.code}/__init__.py"] = f"from .{last} import value\n" if unit.offers else ""


def _module(draw: st.DrawFn, repo: Monorepo, unit: Unit, name: str) -> str:
    constant = draw(st.integers(1, 10**6))
    lines, terms = [HEAD, f"CONSTANT = {constant}\n"], ["CONSTANT"]
    choices = [(other, module) for other in (*repo.units, unit) for module in other.modules]
    choices = [each for each in choices if each[0].kind != "service" or each[0] is unit]
    wanted = (
        draw(st.lists(st.sampled_from(choices), max_size=3, unique_by=lambda each: (each[0].id, each[1])))
        if choices
        else []
    )
    for number, (other, module) in enumerate(wanted):
        lines.append(f"{_import(draw, unit, other, module, f'used_{number}')}\n")
        terms.append(f"{2 * number + 3} * used_{number}()")
    if draw(st.integers(0, 3)) == 0 and (unit.names[0] or unit.modules):
        lines.append(f"{_maybe(repo, unit)}\n")
        terms.append("11 * maybe()")
    if unit.kind != "module" and draw(st.integers(0, 3)) == 0:
        repo.files[f"{unit.code}/data.txt"] = "one\n"
        lines.append("def data():\n    return len(pathlib.Path(__file__).with_name('data.txt').read_text())\n")
        terms.append("13 * data()")
    own = f"value_of_{_identifier(unit)}_{name}"
    lines.append(f"\ndef value():\n    return ({' + '.join(terms)}) % 1_000_003\n\n{own} = value\n")
    return "\n".join(lines)


def _import(draw: st.DrawFn, unit: Unit, other: Unit, module: str, alias: str) -> str:
    if other is unit:
        ways = (
            (*RELATIVE, *TOP)
            if unit.names[0]
            else (
                "from {module} import value as {alias}",
                "import {module} as {alias}\n{alias} = {alias}.value",
                "def {alias}():\n    import {module}\n    return {module}.value()",
            )
        )
    else:
        ways = (*TOP, *WHOLE) if other.offers else TOP
    way = draw(st.sampled_from(ways))
    package = draw(st.sampled_from(other.names))
    return way.format(package=package, module=module, alias=alias, unit=_identifier(other))


def _maybe(repo: Monorepo, unit: Unit) -> str:
    """Return an import of a module that is not there, and may come."""
    path = f"{unit.code}/later.py"
    repo.maybe.append(path)
    dotted = f"{unit.names[0]}.later".strip(".")
    return f"try:\n    from {dotted} import value as maybe\nexcept ImportError:\n    maybe = lambda: 5\n"


def _identifier(unit: Unit) -> str:
    return unit.name.replace("-", "_")


def _describe(draw: st.DrawFn, repo: Monorepo, unit: Unit, libs: list[Unit]) -> None:
    """Write what makes a folder a service, and what it says about libs."""
    form = draw(st.sampled_from(("none", "requirements", "editable", "pyproject")))
    named = draw(st.lists(st.sampled_from(libs), max_size=2, unique_by=lambda lib: lib.id))
    if form in {"requirements", "editable"}:
        sign = "-e " if form == "editable" else ""
        repo.files[f"{unit.path}/requirements.txt"] = "flask\n" + "".join(f"{sign}../../{lib.path}\n" for lib in named)
    elif form == "pyproject":
        listed = ", ".join(f'"{lib.names[0].rpartition(".")[2].replace("_", "-")}"' for lib in named)
        repo.files[f"{unit.path}/pyproject.toml"] = (
            f'[project]\nname = "{unit.name}"\nversion = "1"\ndependencies = [{listed}]\n'
        )
    if unit.code != unit.path:
        repo.files[f"{unit.path}/wsgi.py"] = f"from {unit.names[0]} import app\n"
    kind = draw(st.sampled_from(("none", "lib", "proto")))
    if kind == "lib":
        lib = draw(st.sampled_from(libs))
        repo.files[f"{unit.path}/Dockerfile"] = f"FROM python:3.12\nWORKDIR /app\nCOPY {lib.path} /app/{lib.path}\n"
        unit.globs.append(f"{lib.path}/**/*")
    elif kind == "proto":
        repo.files[f"{unit.path}/Dockerfile"] = "FROM python:3.12\nCOPY --chown=1:1 proto/shared.proto ./\n"
        unit.globs.append("proto/shared.proto")
    if draw(st.integers(0, 2)) == 0:
        repo.files[f"proto/{unit.name}.proto"] = "message One {}\n"
        unit.globs.append(f"proto/{unit.name}*.proto")


def _settle(repo: Monorepo, services: list[Unit], *, has_modules: bool) -> None:
    """Write decant.toml, where there is something to say."""
    lines = []
    if has_modules:
        repo.files["shop/__init__.py"] = ""
        lines += ["[workspace]", 'name = "shop"', 'modules = "shop"', "", "[topologies.monolith]", 'shop = ["*"]', ""]
    for unit in services:
        globs = [each for each in unit.globs if "*" in each and each.startswith("proto/")]
        if globs:
            lines += [f"[services.{unit.name}]", f"files = {json.dumps(globs)}", ""]
    if lines:
        repo.files["decant.toml"] = "\n".join(lines)


@st.composite
def mutations(draw: st.DrawFn, repo: Monorepo) -> Mutation:
    """Draw one change to a repository."""
    python = sorted(path for path in repo.files if path.endswith(".py") and "CONSTANT" in repo.files[path])
    every = sorted(path for path in repo.files if path not in {"decant.toml", "README.md"})
    kinds = ["edit", "edit", "break", "syntax", "delete", "move", "rename", "data", "project", "unexport"]
    what = draw(st.sampled_from([*kinds, "create"] if repo.maybe else kinds))
    path = draw(st.sampled_from(python))
    text = repo.files[path]
    if what == "edit":
        return Mutation(f"edit {path}", {path: re.sub(r"CONSTANT = \d+", "CONSTANT = 999_999", text)})
    if what == "break":
        return Mutation(f"break {path}", {path: f"raise RuntimeError('broken')\n{text}"})
    if what == "syntax":
        return Mutation(f"break the syntax of {path}", {path: f"{text}\ndef broken(:\n"})
    if what == "create":
        path = draw(st.sampled_from(sorted(repo.maybe)))
        return Mutation(f"create {path}", {path: "def value():\n    return 77\n"})
    if what == "data":
        others = [each for each in every if not each.endswith((".py", ".toml"))] or every
        path = draw(st.sampled_from(others))
        return Mutation(f"edit {path}", {path: f"{repo.files[path]}\n# more\n"})
    if what == "project":
        unit = draw(st.sampled_from(repo.units))
        inside = tuple(each for each in repo.files if each.startswith(f"{unit.path}/"))
        return Mutation(f"delete {unit.path}", {}, inside)
    if what == "unexport":
        inits = [each for each in every if each.endswith("__init__.py")] or every
        path = draw(st.sampled_from(inits))
        return Mutation(f"delete {path}", {}, (path,))
    if what == "move":
        unit = draw(st.sampled_from(repo.units))
        path = draw(st.sampled_from(every))
        target = f"{unit.code}/{PurePosixPath(path).name}"
        if target not in repo.files:
            return Mutation(f"move {path} to {target}", {target: repo.files[path]}, (path,))
    if what == "rename":
        target = str(PurePosixPath(path).with_name("renamed.py"))
        return Mutation(f"move {path} to {target}", {target: text}, (path,))
    path = draw(st.sampled_from(every))
    return Mutation(f"delete {path}", {}, (path,))
