"""Answers that must be the same in every topology: written down in each, compared at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

HEADERS = (
    "Content-Type", "Location", "ETag", "Allow", "WWW-Authenticate", "Retry-After", "Cache-Control", "Vary", "Link",
)  # fmt: skip
BY_CHANCE = frozenset({"trace_id", "request_id"})
"""Fields of problem documents that no two requests share."""
_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")

Recorded = dict[str, Any]
"""An answer: ``status``, ``headers``, ``body``."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of an answer that is not the same in two variants."""

    answer: str
    field: str
    one: str
    other: str
    values: tuple[Any, Any]

    def __str__(self) -> str:
        first, second = (_short(value) for value in self.values)
        return f"{self.answer}: {self.field}: {self.one} {first}, {self.other} {second}"


class Answers:
    """The answers of one session, by variant and name.

    Args:
        folder: Where each variant's answers are kept for ``--topology-diff``; None to keep none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.found: dict[str, dict[str, Recorded]] = {}
        self._folder = folder

    def add(self, variant: str, name: str, answer: Recorded) -> None:
        """Write an answer down.

        Raises:
            ValueError: When this variant has given another answer by that name.
        """
        known = self.found.setdefault(variant, {}).setdefault(name, answer)
        if known != answer:
            raise ValueError(f"Two answers of {variant} are called {name!r}: name each once.")

    def save(self) -> None:
        """Write the answers to one file for each variant, in place of those of the tests that ran."""
        if self._folder is None:
            return
        for variant, answers in self.found.items():
            path = self._folder / f"{re.sub('[^A-Za-z0-9_.-]', '_', variant)}.json"
            kept = _load(path).get("answers", {})
            path.parent.mkdir(parents=True, exist_ok=True)
            document = {"schema": 1, "variant": variant, "answers": {**kept, **answers}}
            path.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    def with_saved(self) -> dict[str, dict[str, Recorded]]:
        """Return the answers of this session and of those before it."""
        files = sorted(self._folder.glob("*.json")) if self._folder else []
        saved = {document["variant"]: document["answers"] for path in files if (document := _load(path))}
        return {**saved, **{name: {**saved.get(name, {}), **answers} for name, answers in self.found.items()}}


def record(response: Any, *, headers: Sequence[str] = HEADERS, known: Mapping[str, str] | None = None) -> Recorded:
    """Return what must be the same everywhere: the status, the compared headers, the body.

    UUIDs and times of RFC 3339 are given names in the order in which they stand there; trace and request ids of problem
    documents are left out, and so is an ETag of a body that had any of these in it.

    Args:
        response: Of :class:`Client`, requests, httpx, or Flask's test client.
        headers: The names of those to compare.
        known: Other texts that differ from run to run, and the names to put in their place.
    """
    text = response.get_data(as_text=True) if hasattr(response, "get_data") else response.text
    names = _Names(known or {})
    body = names.put_into(_parsed(text))
    kept = {name: names.put_into(value) for name in headers if (value := response.headers.get(name)) is not None}
    if names.any_used:
        kept.pop("ETag", None)
    return {"status": response.status_code, "headers": kept, "body": body}


def differences(found: Mapping[str, Mapping[str, Recorded]]) -> Iterator[Difference]:
    """Yield every field that differs, the first variant compared with each other one.

    Args:
        found: Answers by variant and name; names that only one of two has are not compared.
    """
    if not found:
        return
    (one, expected), *others = found.items()
    for other, answers in others:
        for name in expected:
            if name in answers:
                for field, first, second in _compare("", expected[name], answers[name]):
                    yield Difference(name, field, one, other, (first, second))


def _compare(path: str, one: Any, other: Any) -> Iterable[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _compare(f"{path}.{key}" if path else key, one.get(key, _NOTHING), other.get(key, _NOTHING))
    elif isinstance(one, list) and isinstance(other, list):
        for index, (first, second) in enumerate(zip_longest(one, other, fillvalue=_NOTHING)):
            yield from _compare(f"{path}[{index}]", first, second)
    elif one != other or type(one) is not type(other):
        yield path, one, other


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


class _Names:
    """Puts names in place of what differs by chance."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._ids: dict[str, str] = {}
        self.any_used = False

    def put_into(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.put_into(key): self.put_into(each) for key, each in value.items() if key not in BY_CHANCE}
        if isinstance(value, list):
            return [self.put_into(each) for each in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        before = text
        for value, name in self._known.items():
            text = text.replace(value, name)
        text = _TIME.sub("<time>", _ID.sub(self._id, text))
        self.any_used = self.any_used or text != before
        return text

    def _id(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], f"<id {len(self._ids) + 1}>")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _short(value: Any) -> str:
    text = repr(value) if value is _NOTHING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:160]}…"
