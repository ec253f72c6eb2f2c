"""A repository of many packages whose right answers are known: ``python -m benchmarks.monorepo.generate FOLDER``.

Every package has a ``package.json`` and a ``pyproject.toml`` that say the same, so that tools of both worlds see the
same edges. The same seed makes the same files, whichever machine.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SEED = 20_261_121
SERVICES = 0.2
"""Of the packages, how many are services."""

GIT = ("git", "-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0", "-c", "core.hooksPath=")


@dataclass(frozen=True, slots=True)
class Change:
    """A commit on a branch of its own, and what it affects.

    Attributes:
        branch: The branch; it starts at ``main``.
        path: The file that differs.
        affected: The names of the packages that a right answer has, sorted.
    """

    branch: str
    path: str
    affected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """A generated repository.

    Attributes:
        root: Where it is.
        files: How many files are tracked.
        modules: How many of them are Python.
        leaf: A change that affects two packages.
        hub: A change that affects most of them.
    """

    root: Path
    files: int
    modules: int
    leaf: Change
    hub: Change


def generate(root: Path, packages: int, *, imports: bool = False) -> Repository:
    """Write a repository, commit it to ``main``, and each change to its branch; the leaf's is checked out.

    Args:
        root: A folder that does not exist yet.
        packages: How many; at least 10.
        imports: Whether the packages' modules import what their manifests declare: four modules each, not one.
    """
    needs = dependencies(packages)
    files = dict(_root_files(needs))
    for name, needed in needs.items():
        files |= dict(_package(name, needed, imports=imports))
    services = [name for name in needs if name.startswith("svc")]
    leaf, hub = f"lib{packages - len(services) - 1:05d}", "lib00000"
    changes = [_change(branch, name, needs) for branch, name in (("leaf", leaf), ("hub", hub))]
    files["expected.json"] = _json({change.branch: change.affected for change in changes})
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "-b", "main")
    git(root, "fast-import", "--quiet", stdin=b"".join(_history(files, changes)))  # packed, as in a clone
    git(root, "checkout", "--quiet", "--force", "leaf")
    git(root, "status")  # the index knows all files from here on
    modules = sum(path.endswith(".py") for path in files)
    return Repository(root, len(files), modules, *changes)


def dependencies(packages: int, seed: int = SEED) -> dict[str, list[str]]:
    """Return what each package needs.

    Libs need earlier libs, most of them ``lib00000`` in the end. The last lib is needed by ``svc00000`` alone.
    """
    chance = random.Random(seed)
    count = round(packages * SERVICES)
    libs = [f"lib{number:05d}" for number in range(packages - count)]
    needs: dict[str, list[str]] = {}
    for number, name in enumerate(libs):
        wanted = chance.randint(1, 3) if chance.random() < 0.85 else 0
        near = libs[max(0, number - 60) : number]
        needs[name] = sorted(chance.sample(near, min(wanted, len(near))))
    others = libs[:-1]
    for number in range(count):
        needs[f"svc{number:05d}"] = sorted(chance.sample(others, min(chance.randint(2, 5), len(others))))
    needs["svc00000"].append(libs[-1])
    return needs


def dependents(name: str, needs: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return a package and all that need it, in any number of steps, sorted."""
    users: dict[str, list[str]] = {}
    for user, needed in needs.items():
        for each in needed:
            users.setdefault(each, []).append(user)
    found, left = {name}, [name]
    while left:
        for user in users.get(left.pop(), ()):
            if user not in found:
                found.add(user)
                left.append(user)
    return tuple(sorted(found))


def git(root: Path, *arguments: str, stdin: bytes = b"") -> None:
    """Run git.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    subprocess.run([*GIT, "-C", str(root), *arguments], check=True, input=stdin, stdout=subprocess.DEVNULL)


def _history(files: Mapping[str, str], changes: list[Change]) -> Iterator[bytes]:
    """Yield the commits as ``git fast-import`` reads them."""
    yield from _commit("main", "All packages", files)
    for change in changes:
        changed = {change.path: f"{files[change.path]}\nCHANGED = True\n"}
        yield from _commit(change.branch, f"Change {change.path}", changed, parent="main")


def _commit(branch: str, message: str, files: Mapping[str, str], parent: str = "") -> Iterator[bytes]:
    yield f"commit refs/heads/{branch}\ncommitter Bench <bench@example.org> 1767225600 +0000\n".encode()
    yield f"data {len(message)}\n{message}\n".encode()
    if parent:
        yield f"from refs/heads/{parent}\n".encode()
    for path, text in files.items():
        content = text.encode()
        yield b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(content), content)


def folder(name: str) -> str:
    """Return where a package lies."""
    return f"{'services' if name.startswith('svc') else 'libs'}/{name}"


def _change(branch: str, name: str, needs: Mapping[str, list[str]]) -> Change:
    return Change(branch, f"{folder(name)}/src/{name}/__init__.py", dependents(name, needs))


def _root_files(needs: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    yield ".gitignore", "node_modules\n.nx/\n.turbo/\n__pycache__/\n.venv/\n"
    yield "README.md", f"# {len(needs)} packages\n"
    yield "decant.toml", '[workspace]\nname = "bench"\n\n[affected]\nbase = "main"\n\n[tasks.test]\ncommand = "true"\n'
    yield (
        "pyproject.toml",
        (
            '[project]\nname = "bench"\nversion = "0.0.0"\nrequires-python = ">=3.11"\n\n'
            '[tool.uv.workspace]\nmembers = ["libs/*", "services/*"]\n'
        ),
    )
    root = {
        "name": "bench", "version": "0.0.0", "private": True, "packageManager": "npm@10.9.0",
        "workspaces": ["libs/*", "services/*"],
    }  # fmt: skip
    yield "package.json", _json(root)
    locked: dict[str, object] = {"": {**root, "packageManager": None}}
    for name, needed in needs.items():
        locked[folder(name)] = {"name": name, "version": "0.0.0", "dependencies": dict.fromkeys(needed, "*")}
        locked[f"node_modules/{name}"] = {"resolved": folder(name), "link": True}
    yield "package-lock.json", _json({"name": "bench", "version": "0.0.0", "lockfileVersion": 3, "packages": locked})
    task = {"dependsOn": [], "outputs": []}
    yield "turbo.json", _json({"$schema": "https://turborepo.com/schema.json", "tasks": {"test": task}})
    yield "nx.json", _json({"defaultBase": "main", "analytics": False, "targetDefaults": {"test": {"cache": True}}})


def _package(name: str, needed: list[str], *, imports: bool) -> Iterator[tuple[str, str]]:
    at = folder(name)
    yield f"{at}/package.json", _json({
        "name": name, "version": "0.0.0", "scripts": {"test": "true"}, "dependencies": dict.fromkeys(needed, "*"),
    })  # fmt: skip
    listed = "".join(f'  "{each}",\n' for each in needed)
    sources = "".join(f"{each} = {{ workspace = true }}\n" for each in needed)
    yield (
        f"{at}/pyproject.toml",
        (
            f'[project]\nname = "{name}"\nversion = "0.0.0"\nrequires-python = ">=3.11"\n'
            f"dependencies = [\n{listed}]\n\n"
            f"[tool.uv.sources]\n{sources}"
        ),
    )
    yield f"{at}/README.md", f"# {name}\n"
    yield f"{at}/src/{name}/__init__.py", f'"""{name}."""\n'
    if imports:
        yield from _modules(at, name, needed)
        yield f"{at}/data/words.txt", "one\ntwo\n"
    else:
        for number in range(4):
            yield f"{at}/data/words_{number}.txt", f"{name} {number}\n"


def _modules(at: str, name: str, needed: list[str]) -> Iterator[tuple[str, str]]:
    """Yield modules that import the standard library, each other, and what their manifest declares."""
    used = "".join(f"from {each}.core import work as {each}_work\n" for each in needed)
    calls = "".join(f"    total += {each}_work(amount - 1) if amount else 0\n" for each in needed)
    filler = "".join(
        f"\n\ndef step_{number}(amount: int) -> int:\n    return amount * {number} + len(json.dumps([amount]))\n"
        for number in range(8)
    )
    yield (
        f"{at}/src/{name}/core.py",
        (
            f"import json\n\n{used}\n\n"
            f"def work(amount: int) -> int:\n    total = amount\n{calls}    return total\n{filler}"
        ),
    )
    yield (
        f"{at}/src/{name}/api.py",
        (
            f"from __future__ import annotations\n\nimport json\nfrom typing import TYPE_CHECKING\n\n"
            f"from . import core\n\n"
            f"if TYPE_CHECKING:\n    from {name}.helpers import Helper\n\n\ndef answer(helper: Helper) -> int:\n"
            f"    from {name}.helpers import lazily\n\n    return core.work(3) + lazily()\n{filler}"
        ),
    )
    yield (
        f"{at}/src/{name}/helpers.py",
        (
            f"import json\nimport pathlib\n\n\nclass Helper:\n    path = pathlib.Path()\n\n\n"
            f"def lazily() -> int:\n    return 1\n{filler}"
        ),
    )


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=int, default=1_000)
    parser.add_argument("--imports", action="store_true")
    given = parser.parse_args()
    made = generate(given.folder, given.packages, imports=given.imports)
    print(f"{made.files} files, {made.modules} of them Python")
    print(f"leaf {len(made.leaf.affected)}, hub {len(made.hub.affected)}")
