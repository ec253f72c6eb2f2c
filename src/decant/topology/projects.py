"""The tables of ``decant.toml`` that the workspace tool acts on: which keys they have, and what those may hold.

They are read here, so that a slip in any of them is told by whatever reads the file first; what comes back is what
was written, without the faulty parts.
"""

from __future__ import annotations

from typing import Any

from decant.topology.table import Table, show

PROJECT_KEYS = ("path", "files", "needs", "tasks")
LIB_KEYS = PROJECT_KEYS
MODULE_KEYS = ("files", "needs", "tasks")
TASK_KEYS = ("command", "inputs", "outputs", "env", "needs", "cache", "timeout_s")
AFFECTED_KEYS = ("base", "all", "nothing", "files")
CACHE_KEYS = ("url", "size_mb")
MAX_TIMEOUT_S = 7 * 24 * 3600.0
MAX_CACHE_MB = 1024 * 1024


def check_projects(top: Table) -> None:
    """Report what is wrong in ``[libs]``, ``[modules]``, ``[tasks]``, ``[affected]`` and ``[cache]``."""
    for kind, keys in (("libs", LIB_KEYS), ("modules", MODULE_KEYS)):
        for entry in top.table(kind).tables().values():
            entry.only(keys)
            read_project(entry)
    read_tasks(top)
    read_affected(top.table("affected"))
    read_cache(top.table("cache"))


def read_project(entry: Table) -> dict[str, Any]:
    """Read what ``[services.X]``, ``[libs.X]`` and ``[modules.X]`` have in common: path, files, needs, tasks."""
    found: dict[str, Any] = {}
    path = entry.text("path")
    if "path" in entry.data and not is_inside(path):
        entry.fault("path", f"is {show(path)}. Write a folder of this workspace, for instance services/orders.")
    elif path:
        found["path"] = clean(path)
    for key in ("files", "needs"):
        if key in entry.data:
            found[key] = _globs(entry, key) if key == "files" else entry.strings(key)
    found["tasks"] = read_tasks(entry)
    return found


def read_tasks(holder: Table) -> dict[str, dict[str, Any]]:
    """Read the table ``tasks`` of the file or of a project."""
    return {name: _task(entry) for name, entry in holder.table("tasks").tables().items()}


def read_affected(table: Table) -> dict[str, Any]:
    """Read ``[affected]``."""
    table.only(AFFECTED_KEYS)
    found: dict[str, Any] = {key: _globs(table, key) for key in ("all", "nothing")}
    found["base"] = table.text("base")
    if table.data.get("base") == "":
        table.fault("base", 'is empty. Name a branch, for instance "origin/main", or delete the line.')
    files = table.table("files")
    for glob in files.data:
        _check_glob(files, (glob,), glob)
    found["files"] = {glob: files.strings(glob) for glob in files.data}
    return found


def read_cache(table: Table) -> dict[str, Any]:
    """Read ``[cache]``."""
    table.only(CACHE_KEYS)
    url = table.text("url")
    if "url" in table.data and "://" not in url:
        table.fault("url", f"is {show(url)}, which is no address. Write one such as https://cache.example.org/decant")
        url = ""
    size = table.number("size_mb", 0, 1, MAX_CACHE_MB) if "size_mb" in table.data else None
    return {"url": url, "size_mb": size or None}


def is_inside(path: str) -> bool:
    """Return whether a path stays within the workspace."""
    return bool(path.strip()) and not path.startswith(("/", "~")) and ".." not in path.split("/") and "\\" not in path


def clean(path: str) -> str:
    """Return a path without ``./`` and slashes at its end; "" is the workspace itself."""
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _task(entry: Table) -> dict[str, Any]:
    entry.only(TASK_KEYS)
    found: dict[str, Any] = {}
    if "command" in entry.data:
        found["command"] = entry.text("command")
        if entry.data["command"] == "":
            entry.fault("command", "is empty. Write what runs, or delete the line.")
    for key in ("inputs", "outputs"):
        if key in entry.data:
            found[key] = _globs(entry, key)
    for key in ("env", "needs"):
        if key in entry.data:
            found[key] = entry.strings(key)
    if "cache" in entry.data:
        found["cache"] = entry.flag("cache", True)
    if "timeout_s" in entry.data:
        found["timeout_s"] = entry.decimal("timeout_s", MAX_TIMEOUT_S, 0.001, MAX_TIMEOUT_S)
    return found


def _globs(table: Table, key: str) -> tuple[str, ...]:
    found = table.strings(key)
    for index, glob in enumerate(found):
        _check_glob(table, (key, index), glob)
    return found


def _check_glob(table: Table, keys: tuple[str | int, ...], glob: str) -> None:
    if not is_inside(glob.removeprefix("!")):
        table.faults.add((*table.keys, *keys), f"{show(glob)} leaves the workspace. Write it without / before, and ..")
