"""The documentation page as plain values, made from an OpenAPI document and handed to its template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from shlex import quote
from typing import Any
from urllib.parse import quote as percent

from markupsafe import Markup

from decant.http.docs.schema import Row, Schemas, repr_json
from decant.http.docs.text import coloured, inline, pretty, prose

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
PLACES = {"path": "Path", "query": "Query", "header": "Headers", "cookie": "Cookies"}
UNTAGGED = "Other"
LONGEST_LINE = 60


@dataclass(frozen=True, slots=True)
class Field:
    """One input of the form that tries an operation.

    Attributes:
        name: As it is sent.
        place: ``path``, ``query``, ``header`` or ``cookie``.
        required: Whether the form needs it.
        value: What stands in it at first.
        choices: The values to choose from, where there are only some.
        type: In words.
    """

    name: str
    place: str
    required: bool
    value: str
    choices: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, or what is answered: its members and an example."""

    type: str
    media_types: tuple[str, ...]
    rows: tuple[Row, ...]
    example: str
    shown: Markup
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """One documented answer."""

    status: str
    phrase: str
    kind: str
    description: Markup
    headers: tuple[Row, ...]
    body: Body | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation."""

    anchor: str
    method: str
    path: str
    summary: str
    description: Markup
    deprecated: bool
    secured: bool
    parameters: tuple[tuple[str, tuple[Row, ...]], ...]
    body: Body | None
    answers: tuple[Answer, ...]
    fields: tuple[Field, ...]
    curl: str
    words: str

    @property
    def successes(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.answers if answer.kind != "error")

    @property
    def errors(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.answers if answer.kind == "error")

    @property
    def path_parts(self) -> list[tuple[bool, str]]:
        """The path, cut where its variables begin and end: (is a variable, text)."""
        return [(part.startswith("{"), part) for part in re.split(r"(\{[^}]*\})", self.path) if part]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    anchor: str
    description: Markup
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    version: str
    description: Markup
    groups: tuple[Group, ...]
    query: str
    secured: bool

    @property
    def count(self) -> int:
        return sum(len(group.entries) for group in self.groups)


def make_page(document: Mapping[str, Any], *, base_url: str, query: str = "") -> Page:
    """Return the page that shows a document.

    Args:
        document: OpenAPI 3.0 or 3.1.
        base_url: The address that the examples call, without a slash at the end.
        query: Show only the operations that have all these words.
    """
    reader = _Reader(document, base_url.rstrip("/"))
    wanted = query.lower().split()
    tagged: dict[str, list[Entry]] = {str(tag.get("name")): [] for tag in document.get("tags", ())}
    for tag, entry in reader.entries():
        if all(word in entry.words for word in wanted):
            tagged.setdefault(tag, []).append(entry)
    info = document.get("info", {})
    groups = tuple(_groups(document, tagged))
    return Page(
        title=str(info.get("title", "API")),
        version=str(info.get("version", "")),
        description=prose(str(info.get("description") or "")),
        groups=groups,
        query=query,
        secured=any(entry.secured for group in groups for entry in group.entries),
    )


def _groups(document: Mapping[str, Any], tagged: Mapping[str, list[Entry]]) -> Iterator[Group]:
    words = {str(tag.get("name")): str(tag.get("description") or "") for tag in document.get("tags", ())}
    for name, entries in tagged.items():
        if entries:
            yield Group(name, f"tag-{_slug(name)}", prose(words.get(name, "")), tuple(entries))


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")


class _Reader:
    """Turns one document's operations into entries."""

    def __init__(self, document: Mapping[str, Any], base_url: str) -> None:
        self._document = document
        self._base_url = base_url
        self._schemas = Schemas(document)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        for path, item in self._document.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    operation = item[method]
                    shared = item.get("parameters", ())
                    tags = operation.get("tags") or [UNTAGGED]
                    yield str(tags[0]), self._entry(path, method, operation, shared)

    def _entry(self, path: str, method: str, operation: Mapping[str, Any], shared: Iterable[Any]) -> Entry:
        parameters = [self._schemas.resolve(one) for one in (*shared, *operation.get("parameters", ()))]
        body = self._request_body(operation)
        fields = tuple(self._field(parameter) for parameter in parameters)
        summary = str(operation.get("summary") or operation.get("operationId") or f"{method.upper()} {path}")
        secured = bool(operation.get("security", self._document.get("security")))
        words = f"{method} {path} {summary} {operation.get('description', '')} {' '.join(operation.get('tags', ()))}"
        return Entry(
            anchor=_slug(str(operation.get("operationId") or f"{method}-{path}")),
            method=method.upper(),
            path=path,
            summary=summary,
            description=prose(str(operation.get("description") or "")),
            deprecated=bool(operation.get("deprecated")),
            secured=secured,
            parameters=tuple(self._by_place(parameters)),
            body=body,
            answers=tuple(self._answers(operation)),
            fields=fields,
            curl=curl(self._base_url, method.upper(), path, fields, body, secured=secured),
            words=words.lower(),
        )

    def _by_place(self, parameters: list[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Row, ...]]]:
        for place, title in PLACES.items():
            rows = tuple(self._parameter_row(one) for one in parameters if one.get("in") == place)
            if rows:
                yield title, rows

    def _parameter_row(self, parameter: Mapping[str, Any]) -> Row:
        return self._schemas.row(
            str(parameter.get("name")),
            parameter.get("schema", {}),
            required=bool(parameter.get("required")),
            description=str(parameter.get("description") or ""),
        )

    def _field(self, parameter: Mapping[str, Any]) -> Field:
        schema = parameter.get("schema", {})
        required = bool(parameter.get("required"))
        example = self._schemas.example(parameter if "example" in parameter else schema) if required else None
        resolved = self._schemas.resolve(schema)
        choices = resolved.get("enum") or (("true", "false") if resolved.get("type") == "boolean" else ())
        return Field(
            name=str(parameter.get("name")),
            place=str(parameter.get("in")),
            required=required,
            value="" if example is None or isinstance(example, dict | list) else repr_json(example),
            choices=tuple(map(repr_json, choices)),
            type=self._schemas.type_of(schema),
        )

    def _request_body(self, operation: Mapping[str, Any]) -> Body | None:
        body = self._schemas.resolve(operation.get("requestBody", {}))
        return self._body(body.get("content", {}), required=bool(body.get("required")))

    def _body(self, content: Mapping[str, Any], *, required: bool = True) -> Body | None:
        if not content:
            return None
        media_type = next((name for name in content if name.endswith("json")), next(iter(content)))
        media = content[media_type]
        schema = media.get("schema", {})
        example = _media_example(media)
        value = self._schemas.example(schema) if example is None else example[0]
        text = pretty(value) if media_type.endswith("json") or not isinstance(value, str) else value
        return Body(
            type=self._schemas.type_of(schema),
            media_types=tuple(content),
            rows=tuple(self._schemas.rows(schema)),
            example=text,
            shown=coloured(text),
            required=required,
        )

    def _answers(self, operation: Mapping[str, Any]) -> Iterator[Answer]:
        for status, value in sorted(operation.get("responses", {}).items(), key=lambda pair: str(pair[0])):
            response = self._schemas.resolve(value)
            headers = response.get("headers", {})
            yield Answer(
                status=str(status),
                phrase=_phrase(str(status)),
                kind=_kind(str(status)),
                description=inline(str(response.get("description") or "")),
                headers=tuple(self._header_row(name, header) for name, header in headers.items()),
                body=self._body(response.get("content", {})),
            )

    def _header_row(self, name: str, value: Any) -> Row:
        header = self._schemas.resolve(value)
        description = str(header.get("description") or "")
        return self._schemas.row(name, header.get("schema", {}), required=False, description=description)


def _media_example(media: Mapping[str, Any]) -> tuple[Any] | None:
    if "example" in media:
        return (media["example"],)
    for example in media.get("examples", {}).values():
        if isinstance(example, Mapping) and "value" in example:
            return (example["value"],)
    return None


def _phrase(status: str) -> str:
    if not status.isdigit():
        return "Any other" if status == "default" else ""
    try:
        return HTTPStatus(int(status)).phrase
    except ValueError:
        return ""


def _kind(status: str) -> str:
    if status[:1] in ("1", "2"):
        return "success"
    return "redirect" if status[:1] == "3" else "error"


def curl(
    base_url: str, method: str, path: str, fields: Iterable[Field], body: Body | None, *, secured: bool = False
) -> str:
    """Return the command line that calls an operation with the values of its form."""
    given = [field for field in fields if field.value]
    for field in given:
        if field.place == "path":
            path = path.replace(f"{{{field.name}}}", percent(field.value, safe=""))
    query = "&".join(f"{percent(one.name)}={percent(one.value)}" for one in given if one.place == "query")
    lines = [
        f"curl {'' if method == 'GET' else f'-X {method} '}{quote(base_url + path + ('?' + query if query else ''))}"
    ]
    lines += [f"-H {quote(f'{one.name}: {one.value}')}" for one in given if one.place == "header"]
    if secured:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        lines.append(f"-H {quote(f'Content-Type: {body.media_types[0]}')}")
        lines.append(f"-d {quote(_compact(body.example))}")
    return " \\\n  ".join(lines)


def _compact(text: str) -> str:
    """Return JSON on one line where it fits on one."""
    try:
        line = json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
    return line if len(line) <= LONGEST_LINE else text
