"""Targets of a project's Makefile."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""In the order in which make looks for them."""

_RULE = re.compile(r"(?P<names>[^\s:#=][^:#=]*?)[ \t]*::?(?!=)(?P<needs>[^;#]*)(?:;(?P<recipe>.*))?")
_SET = re.compile(r"(?:export\s+)?(?P<name>[\w.-]+)\s*(?:\?|:{0,3})=\s*(?P<value>[^#]*)")
_USED = re.compile(r"\$(?:\((?P<round>[\w.-]+)\)|\{(?P<curly>[\w.-]+)\})")
_ASSIGNMENT = re.compile(r"\w+=")
_ENDS = frozenset("();&|\n")
_BEFORE = frozenset({
    "env", "exec", "time", "nohup", "command", "then", "do", "else", "if", "while", "!", "{", "uv", "poetry", "pdm",
    "hatch", "pipenv", "rye", "run", "uvx", "pipx",
})  # fmt: skip
"""Words that a command may come after."""


def targets(text: str) -> Mapping[str, bool]:
    r"""Return the targets of a Makefile, without those that stand for others, and whether each calls ``decant``.

    One that does, or that has such a one among its prerequisites, is there to call this tool, not to be called by it.

    Example:
        >>> targets(".PHONY: test\ntest lint: deps\n\tpytest\nX := 1\nall:\n\tdecant test\n")
        {'test': False, 'lint': False, 'all': True}
    """
    needs, starts = _read(text)
    ours = {name for name, words in starts.items() if any(_is_ours(word) for word in words)}
    before = 0
    while len(ours) != before:
        before = len(ours)
        ours |= {name for name, others in needs.items() if not ours.isdisjoint(others)}
    return {name: name in ours for name in needs if not name.startswith(".") and "%" not in name and "$" not in name}


def _read(text: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return what each target needs, and the programs that its recipe starts."""
    needs: dict[str, list[str]] = {}
    starts: dict[str, list[str]] = defaultdict(list)
    values: dict[str, str] = {}
    current: list[str] = []
    for line in _lines(text):
        recipe: str | None = None
        if line.startswith("\t"):
            recipe = line[1:]
        elif known := _SET.fullmatch(line):
            values[known["name"]] = known["value"].strip()
        elif rule := _RULE.match(line):
            recipe = rule["recipe"]
            current = rule["names"].split()
            for name in current:
                needs.setdefault(name, []).extend(_with_values(rule["needs"], values).split())
        for program, *given in _commands(_with_values(recipe, values)) if recipe else ():
            for name in current:
                starts[name].append(program)
                if _is_make(program):  # what it is asked to make here is needed; elsewhere, it is another Makefile's
                    needs[name] += [] if any(word.startswith(("-C", "--dir")) for word in given) else given
    return needs, starts


def _lines(text: str) -> Iterator[str]:
    """Yield lines, those that go on in the next as one; what a rule's value cannot be is left as it stands."""
    return iter(re.sub(r"\\\n\t?", " ", text.replace("\r\n", "\n")).split("\n"))


def _with_values(text: str, values: Mapping[str, str]) -> str:
    """Return text with the variables that the Makefile itself sets, one step deep."""
    return _USED.sub(lambda used: values.get(used["round"] or used["curly"], used[0]), text)


def _commands(line: str) -> Iterator[list[str]]:
    """Yield the commands of a line of a recipe, each as its words."""
    line = _USED.sub(lambda used: used["round"] or used["curly"], line.lstrip("@-+ \t"))  # $(MAKE) is MAKE
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();&|")
    lexer.commenters = "#"
    lexer.wordchars += "$%@^,+:{}!"
    try:
        words = list(lexer)
    except ValueError:  # a quote that is not closed: a shell script over several lines
        words = line.split()
    yield from _split(words)


def _split(words: Iterable[str]) -> Iterator[list[str]]:
    found: list[str] = []
    for word in words:
        if word and _ENDS.issuperset(word):
            if found:
                yield found
            found = []
        elif found or not (word in _BEFORE or _ASSIGNMENT.match(word) or word.startswith("-")):
            found.append(word)
    if found:
        yield found


def _is_ours(program: str) -> bool:
    return program.rpartition("/")[2] == "decant"


def _is_make(program: str) -> bool:
    return program in {"MAKE", "make", "gmake"}
