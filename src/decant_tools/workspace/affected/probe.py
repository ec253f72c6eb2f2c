"""Imports files of one project, and may run its tests; tells which files of the workspace that read.

A program of its own: it runs in the project's environment, which has nothing of this toolkit, and imports nothing but
the standard library.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from types import FrameType
from typing import Any

READ: dict[str, str] = {}
"""Files of the workspace that were opened to be read, and where that was asked for."""


def main() -> None:
    """Read an order from stdin, and write what was seen to the file that it names."""
    order = json.load(sys.stdin)
    root = os.path.realpath(order["root"]) + os.sep
    sys.dont_write_bytecode = True
    sys.pycache_prefix = order["nowhere"]  # so that sources are read, and not what was kept of them
    sys.path[:0] = order["paths"]
    watch(root)
    failed = {}
    for path, name in order["modules"]:
        try:
            load(f"{root}{path}", name)
        except BaseException as error:  # noqa: BLE001 - whatever it is, SystemExit too, the next one is tried
            failed[path] = f"{type(error).__name__}: {error}"[:300]
    if order["tests"] and (fault := run_tests(order["tests"])):
        failed["tests"] = fault
    with open(order["answer"], "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        json.dump({"read": READ, "failed": failed}, file)
    sys.stdout.flush()
    os._exit(0)  # threads that an import started do not keep it


def load(path: str, name: str) -> None:
    """Import a module by its name; a script, which has none, by its file."""
    if name:
        importlib.import_module(name)
        return
    spec = importlib.util.spec_from_file_location(f"_probed_{abs(hash(path))}", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)


def run_tests(paths: list[str]) -> str:
    """Run tests with pytest; return what was wrong, or ""."""
    try:
        import pytest

        code = int(pytest.main(["-q", "-p", "no:cacheprovider", *paths]))
    except BaseException as error:  # noqa: BLE001 - as for the modules
        return f"{type(error).__name__}: {error}"[:300]
    return "" if code in {0, 5} else f"pytest ended with {code}."  # 5: there are none


def watch(root: str) -> None:
    """Note every file below a folder that is opened to be read, with the line of the workspace that led to it."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes) or _writes(arguments):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100 - links are not followed, nor paths built
        if path.startswith(root) and path not in READ and not path.endswith(".pyc"):
            READ[path] = _asked_at(sys._getframe(1), root)

    sys.addaudithook(hook)


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode = arguments[1] if len(arguments) > 1 else "r"
    return isinstance(mode, str) and bool(set(mode) & set("wxa"))


def _asked_at(frame: FrameType | None, root: str) -> str:
    while frame is not None:
        if frame.f_code.co_filename.startswith(root):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


if __name__ == "__main__":
    main()
