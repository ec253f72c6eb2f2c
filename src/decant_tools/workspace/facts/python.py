"""The imports of a Python file, without parsing it: a parser takes twenty times as long.

Outside of strings and comments, the word ``import`` is nothing but an import statement, in every version of the
language. So it is enough to know what is a string and what is a comment. Where that is in doubt, the file is parsed,
and where that fails too, everything that looks like an import counts as one.
"""

from __future__ import annotations

import re
import unicodedata

from decant_tools.workspace.facts.classes import read_classes
from decant_tools.workspace.facts.model import NOTHING, Facts, Import
from decant_tools.workspace.facts.syntax import IMPORTERS, Reading, Statement, guess, parse
from decant_tools.workspace.facts.text import decode_source

_GAP = r"(?:[ \t\f]|\\\n)"  # what may stand between two words of a line
_STRING = r'''
    """[^"\\]*(?:(?:\\.|"{1,2}(?!"))[^"\\]*)*"""
  | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
  | \'\'\'[^'\\]*(?:(?:\\.|'{1,2}(?!'))[^'\\]*)*\'\'\'
  | '[^'\\\n]*(?:\\.[^'\\\n]*)*'
'''
_TOKEN = re.compile(
    rf"""{_STRING}
  | \#[^\n]*
  | from(?<![\w]from)(?P<module>(?:{_GAP}|\.)+(?:\w(?:[\w.]|{_GAP})*?)??){_GAP}*(?<!\w)import\b
        (?P<names>{_GAP}*\((?:[^()\#"']|\#[^\n]*)*\) | (?:[^\n;\#"'()\\]|\\\n)*)
  | import(?:(?<!\wimport)\b(?P<modules>(?:[^\n;\#"'()\\]|\\\n)*) | (?P<call>_module\b|orskip\b|(?<=\b__import)__\b))
  | (?P<doubt>["'])
    """,
    re.VERBOSE | re.DOTALL,
)
_END = re.compile(rf"{_GAP}*(?:[\n;#]|\Z)")
_COMMENT = re.compile(r"#[^\n]*")
_DOTS = re.compile(r"\s*\.\s*")
_NAME = re.compile(r"[^\W\d]\w*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_FIELD = re.compile(r"""\{[^{}"']*(?:(?:'[^'{}]*'|"[^"{}]*")[^{}"']*)*\}""")
_PLUGINS = re.compile(r"""^[ \t]*pytest_plugins\b[^=\n]*=\s*(\[[^\]]*\]|\([^)]*\)|["'].*)""", re.MULTILINE)
_PLUGIN = re.compile(r"""["']([^\W\d]\w*(?:\.[^\W\d]\w*)*)["']""")
_FORMATTED = frozenset("fFtT")
_PARSED_BYTES = 2_000_000  # beyond this a parser takes seconds and hundreds of megabytes


def read_python(content: bytes) -> Facts:
    """Return the imports and the classes of a Python file.

    Exact for every file that the running interpreter can parse. For others it finds at least what is imported, and
    says so (``unreadable-source``). Never fails.
    """
    if b"import" not in content and b"pytest_plugins" not in content:
        return NOTHING
    text, is_sound = decode_source(content)
    reading = (read_fast(text) if is_sound else None) or _read_slowly(text, is_sound)
    plugins = _plugins(text) if "pytest_plugins" in text else []
    return Facts(
        imports=_imports([*reading.statements, *plugins]),
        classes=tuple(read_classes(text, reading.statements)),
        dynamic=tuple(sorted(set(reading.dynamic))),
        faults=() if reading.fault is None else (reading.fault,),
    )


def _read_slowly(text: str, is_sound: bool) -> Reading:
    if not is_sound:
        return guess(text, "its bytes are not text in the encoding that it names")
    if len(text) > _PARSED_BYTES:
        return guess(text, "it is too large to be parsed")
    return parse(text)


def _imports(statements: list[Statement]) -> tuple[Import, ...]:
    """Return each import once, at its first line."""
    found: dict[tuple[str, tuple[str, ...]], Import] = {}
    for statement in statements:
        module, names = _plain_form(statement.module), tuple(_plain_form(name) for name, _ in statement.names)
        found.setdefault((module, names), Import(statement.line, module, names))
    return tuple(found.values())


def _plugins(text: str) -> list[Statement]:
    """Return what ``pytest_plugins = ["tests.fixtures"]`` imports."""
    return [
        Statement(text.count("\n", 0, match.start()) + 1, name, (), name)
        for match in _PLUGINS.finditer(text)
        for name in _PLUGIN.findall(match[1])
    ]


def _plain_form(name: str) -> str:
    """Return an identifier as the interpreter compares it (PEP 3131)."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def read_fast(text: str) -> Reading | None:
    """Return the import statements of a source, or None where one would have to parse it to be certain."""
    found: list[Statement] = []
    line, counted = 1, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        start = token.start()
        if kind is None:
            if text[start] != "#" and _is_formatted(text, start) and not _is_whole(token[0]):
                return None
            continue
        if kind in {"doubt", "call"}:
            return None
        if not _END.match(text, token.end()):
            return None
        line += text.count("\n", counted, start)
        counted = start
        statements = _from(line, token) if kind == "names" else _plain(line, token["modules"])
        if statements is None or any(name in IMPORTERS and name != alias for name, alias in statements[0].names):
            return None
        found.extend(statements)
    return Reading(found)


def _is_formatted(text: str, quote: int) -> bool:
    """Return whether the string that begins there may have replacement fields: its prefix has an f or a t."""
    before = text[max(quote - 2, 0) : quote]
    return before[-1:] in _FORMATTED or (before[-1:] in {"r", "R"} and before[:1] in _FORMATTED)


def _is_whole(token: str) -> bool:
    """Return whether what looks like an f-string surely is one, from its first quote to its last.

    Since Python 3.12 a replacement field may contain the quotes of its own string; then the text between two of them
    has a brace that is not closed. A field could also import: ``f"{__import__('os')}"``.
    """
    if "{" not in token:
        return True
    left, removed = token.replace("{{", ""), 1
    while removed:
        left, removed = _FIELD.subn("", left)
    left = left.replace("}}", "")
    return "{" not in left and "}" not in left and "import" not in token


def _from(line: int, token: re.Match[str]) -> list[Statement] | None:
    module = token["module"].replace("\\\n", " ").strip()
    if not module.isidentifier():
        name = _DOTS.sub(".", module)
        bare = name.lstrip(".")
        if (bare and not _DOTTED.fullmatch(bare)) or not name:
            return None
        module = name
    listed = token["names"]
    if "\\" in listed:
        listed = listed.replace("\\\n", " ")
    listed = listed.strip()
    if listed[:1] == "(":
        listed = _COMMENT.sub("", listed[1:-1]).strip().removesuffix(",")
    elif listed == "*":
        return [Statement(line, module, (("*", "*"),))]
    names = [_named(item, _NAME) for item in listed.split(",")]
    certain = tuple(name for name in names if name is not None)
    return [Statement(line, module, certain)] if len(certain) == len(names) else None


def _plain(line: int, listed: str) -> list[Statement] | None:
    found = []
    for item in listed.replace("\\\n", " ").split(","):
        name = _named(_DOTS.sub(".", item) if "." in item else item, _DOTTED)
        if name is None:
            return None
        found.append(Statement(line, name[0], (), name[1]))
    return found


def _named(item: str, pattern: re.Pattern[str]) -> tuple[str, str] | None:
    """Return the name and the alias of ``name`` or ``name as alias``, or None if it is neither."""
    words = item.split()
    if len(words) == 1:
        name = alias = words[0]
    elif len(words) == 3 and words[1] == "as" and _NAME.fullmatch(words[2]):
        name, alias = words[0], words[2]
    else:
        return None
    return (name, alias) if pattern.fullmatch(name) else None
