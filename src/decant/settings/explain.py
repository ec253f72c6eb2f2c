"""Shows settings with their sources; secrets never."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.types import Secret

from decant.settings.base import Settings, env_names, is_secret, prefix_of
from decant.settings.mask import MASK, is_secret_name, mask_text


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as shown.

    Attributes:
        key: Its path below ``[settings]``.
        name: Its environment name.
        value: Its value, masked.
        source: Where it came from: ``decant.toml:12``, ``environment X``, ``default``.
    """

    key: str
    name: str
    value: str
    source: str


def explain(settings: Settings, table: str) -> list[Row]:
    """Return a row for each field of a table's settings."""
    rows = []
    for name, field in type(settings).model_fields.items():
        rows.append(
            Row(
                key=f"{table}.{name}" if table else name,
                name=env_names(prefix_of(table), name, field)[0],
                value=show(name, getattr(settings, name), is_secret(name, field)),
                source=settings.source_of(name),
            )
        )
    return rows


def show(name: str, value: Any, secret: bool = False) -> str:
    """Return a value as text: a credential as ``***``, a password in a URL too."""
    if value is None:
        return "-"
    if secret:
        return MASK
    plain = _plain(name, value)
    return json.dumps(plain, ensure_ascii=False, default=str)


def _plain(name: str, value: Any) -> Any:
    """Return a value as JSON's types, with what is secret inside of it hidden."""
    if value is not None and (is_secret_name(name) or isinstance(value, SecretStr | SecretBytes | Secret)):
        return MASK
    if isinstance(value, BaseModel):
        return {key: _plain(key, getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(name, item) for item in value]
    return value if isinstance(value, bool | int | float | None) else mask_text(str(value))
