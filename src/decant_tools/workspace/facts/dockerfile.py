"""What a Dockerfile takes from its build context."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from decant_tools.workspace.facts.model import Copy, Facts
from decant_tools.workspace.facts.text import decode

_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?(COPY|ADD|ARG|ENV|RUN)\s+(.*)", re.IGNORECASE | re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][A-Za-z0-9_]*)\1")
_FLAG = re.compile(r"--([a-z]+)(?:=(\"[^\"]*\"|'[^']*'|\S+))?\s+")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?([-+])([^}]*))?\}|([A-Za-z_]\w*))")
_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|((?:\\.|[^\s\"'])+)")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)")
_REMOTE = re.compile(r"(?:[a-z][a-z0-9+.-]*://|git@)", re.IGNORECASE)
_MOUNT = re.compile(r"--mount=(\S+)")


def read_dockerfile(content: bytes) -> Facts:
    """Return the sources of COPY, ADD and bind mounts; what comes from other stages and images is left out.

    A variable has the value that the file gives it; one that only the build knows stands for anything (``*``).
    """
    text, _ = decode(content)
    variables: dict[str, str] = {}
    found: dict[str, Copy] = {}
    for line, instruction in _instructions(text):
        match = _INSTRUCTION.fullmatch(instruction)
        if match is None:
            continue
        name, rest = match[1].upper(), match[2]
        if name in {"ARG", "ENV"}:
            variables.update((key, value.strip("\"'")) for key, value in _ASSIGNED.findall(rest))
            continue
        for source in _bind_mounts(rest) if name == "RUN" else _sources(rest):
            plain = _plain(_substitute(source, variables))
            if plain is not None:
                found.setdefault(plain, Copy(line, plain))
    return Facts(copies=tuple(found.values()))


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Yield each instruction with its line; comments, continuations and here-documents are resolved."""
    directive = _DIRECTIVE.match(text)
    escape = directive[1] if directive else "\\"
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start = at
        pieces: list[str] = []
        while at < len(lines):
            line = lines[at].rstrip()
            at += 1
            if line.lstrip().startswith("#") or (pieces and not line):
                continue
            if not line.endswith(escape):
                pieces.append(line)
                break
            pieces.append(line[:-1])
        instruction = " ".join(pieces)
        for _, word in _HEREDOC.findall(instruction):
            while at < len(lines) and lines[at].lstrip("\t") != word:
                at += 1
            at += 1
        if instruction.strip():
            yield start + 1 + _comments_before(lines, start), instruction


def _comments_before(lines: list[str], start: int) -> int:
    count = 0
    while start + count < len(lines) and lines[start + count].lstrip().startswith("#"):
        count += 1
    return count


def _sources(rest: str) -> Iterator[str]:
    """Yield the sources of COPY or ADD: all words but the last; JSON form, flags and here-documents as Docker reads."""
    while flag := _FLAG.match(rest):
        if flag[1] == "from":
            return
        rest = rest[flag.end() :]
    yield from (word for word in _words(rest)[:-1] if not word.startswith("<<") and not _REMOTE.match(word))


def _words(rest: str) -> list[str]:
    if rest.lstrip().startswith("["):
        try:
            words = json.loads(rest)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
    return [double or single or re.sub(r"\\(.)", r"\1", bare) for double, single, bare in _WORD.findall(rest)]


def _bind_mounts(rest: str) -> Iterator[str]:
    for mount in _MOUNT.findall(rest):
        options = dict(part.partition("=")[::2] for part in mount.split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            yield options.get("source") or options.get("src") or "."


def _substitute(text: str, variables: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        known = variables.get(match[1] or match[4])
        if match[2] == "+":
            return match[3] if known else ""
        return known or match[3] or "*"

    return _VARIABLE.sub(value, text)


def _plain(source: str) -> str | None:
    """Return a source relative to the context; it cannot leave it. None where nothing is named."""
    names: list[str] = []
    for name in source.strip().replace("\\", "/").split("/"):
        if name == "..":
            names = names[:-1]
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names) or ("." if source.strip() else None)
