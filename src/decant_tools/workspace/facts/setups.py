"""``setup.py`` and ``setup.cfg``, read and never run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator

from decant_tools.workspace.facts.model import Facts, Requirement
from decant_tools.workspace.facts.names import normalise
from decant_tools.workspace.facts.python import read_python
from decant_tools.workspace.facts.requirements import read_requirement, unreadable
from decant_tools.workspace.facts.text import decode, decode_source

_LISTS = {"install_requires": "", "tests_require": "test", "setup_requires": "build"}


def read_setup(content: bytes) -> Facts:
    """Return what the literal arguments of ``setup()`` say, and the imports of the file."""
    facts = read_python(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(decode_source(content)[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        fault = unreadable(getattr(error, "lineno", 0) or 0, f"This file cannot be read: {error}.", "Correct it.")
        return facts._replace(faults=(fault,))
    known = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    call = next((node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "setup"), None)
    if call is None:
        return facts
    given = {keyword.arg: _follow(keyword.value, known) for keyword in call.keywords if keyword.arg}
    is_plain = all(map(_is_plain, call.keywords))
    return facts._replace(
        name=normalise(_literal(given.get("name"))),
        requirements=tuple(dict.fromkeys((*_requirements(given, known), *(() if is_plain else _anywhere(tree))))),
        roots=tuple(_roots(given)),
    )


def read_setup_cfg(content: bytes) -> Facts:
    """Return what ``[metadata]`` and ``[options]`` say."""
    import configparser

    text, _ = decode(content)
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", 0) or 0
        return Facts(faults=(unreadable(line, "This file is not valid: " + str(error).split("\n")[0], "Correct it."),))
    lists = [(parser.get("options", key, fallback=""), group) for key, group in _LISTS.items()]
    if parser.has_section("options.extras_require"):
        lists += [(value, extra) for extra, value in parser.items("options.extras_require")]
    folders = re.findall(r"^\s*=\s*(\S+)\s*$", parser.get("options", "package_dir", fallback=""), re.MULTILINE)
    where = parser.get("options.packages.find", "where", fallback="").split()
    return Facts(
        name=normalise(parser.get("metadata", "name", fallback="").strip()),
        requirements=tuple(_listed(lists, text)),
        roots=tuple(dict.fromkeys(folder.strip("/") for folder in (*folders, *where) if folder.strip("./"))),
    )


def _listed(lists: Iterable[tuple[str, str]], text: str) -> Iterator[Requirement]:
    lines = [line.strip() for line in text.split("\n")]
    for value, group in lists:
        for item in re.split(r"[\n]", value):
            item = item.strip()
            if not item or item.startswith(("#", "file:")):
                continue
            line = lines.index(item) + 1 if item in lines else 0
            if found := read_requirement(item.replace(";", " ;"), line, group):
                yield found


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _follow(node: ast.expr, known: dict[str, ast.expr]) -> ast.expr:
    """Return what a name was assigned at the top of the file; everything else as it is."""
    return known.get(node.id, node) if isinstance(node, ast.Name) else node


def _literal(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _requirements(given: dict[str, ast.expr], known: dict[str, ast.expr]) -> Iterator[Requirement]:
    for key, group in _LISTS.items():
        yield from _strings(given.get(key), group, known)
    extras = given.get("extras_require")
    if isinstance(extras, ast.Dict):
        for key_node, value in zip(extras.keys, extras.values, strict=True):
            yield from _strings(value, _literal(key_node), known)


def _strings(node: ast.expr | None, group: str, known: dict[str, ast.expr]) -> Iterator[Requirement]:
    """Yield every literal requirement within a list, also of lists that are added up and of formatted strings."""
    if node is None:
        return
    for part in ast.walk(_follow(node, known)):
        if isinstance(part, ast.Name) and part.id in known and known[part.id] is not node:
            yield from _strings(known.pop(part.id), group, known)
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            found = read_requirement(part.value.replace(";", " ;"), part.lineno, group) if part.value.strip() else None
            if found:
                yield found


def _is_plain(keyword: ast.keyword) -> bool:
    """Return whether an argument is no requirements, or the whole of them as they stand there."""
    is_about_them = keyword.arg in {None, "extras_require", *_LISTS}
    return not is_about_them or isinstance(keyword.value, ast.List | ast.Tuple | ast.Dict)


def _anywhere(tree: ast.AST) -> Iterator[Requirement]:
    """Yield what may be a requirement: of a list that is put together, nobody can see which of its strings it has."""
    for node in ast.walk(tree):
        inner: list[ast.expr] = []
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            inner = node.elts
        elif isinstance(node, ast.Call) and _called(node) in {"append", "insert"}:
            inner = node.args
        for part in inner:
            yield from (found for found in _strings(part, "", {}) if found.name)


def _roots(given: dict[str, ast.expr]) -> Iterator[str]:
    package_dir = given.get("package_dir")
    if isinstance(package_dir, ast.Dict):
        for key, value in zip(package_dir.keys, package_dir.values, strict=True):
            if _literal(key) == "" and (folder := _literal(value).strip("/")) not in {"", "."}:
                yield folder
