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
        value: Its value as JSON's types, masked.
        source: Where it came from: ``decant.toml:12``, ``environment X``, ``default``.
    """

    key: str
    name: str
    value: Any
    source: str

    @property
    def text(self) -> str:
        """The value as a table shows it."""
        return as_text(self.value)


def explain(settings: Settings, table: str) -> list[Row]:
    """Return a row for each field of a table's settings."""
    rows = []
    for name, field in type(settings).model_fields.items():
        rows.append(
            Row(
                key=f"{table}.{name}" if table else name,
                name=env_names(prefix_of(table), name, field)[0],
                value=mask_value(name, getattr(settings, name), is_secret(name, field)),
                source=settings.source_of(name),
            )
        )
    return rows


def show(name: str, value: Any, secret: bool = False) -> str:
    """Return a value as text, masked."""
    return as_text(mask_value(name, value, secret))


def as_text(value: Any) -> str:
    """Return a masked value as a person reads it."""
    if value is None:
        return "-"
    return MASK if value == MASK else json.dumps(value, ensure_ascii=False)


def mask_value(name: str, value: Any, secret: bool = False) -> Any:
    """Return a value as JSON's types: a credential as ``***``, and so a password in a URL."""
    if value is None:
        return None
    if secret or is_secret_name(name) or isinstance(value, SecretStr | SecretBytes | Secret):
        return MASK
    if isinstance(value, BaseModel):
        return {key: mask_value(key, getattr(value, key)) for key in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): mask_value(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(name, item) for item in value]
    return value if isinstance(value, bool | int | float | None) else mask_text(str(value))
