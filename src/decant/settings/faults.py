"""Says what is wrong with a value: where it stands, what is expected, and never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from decant.settings.base import Settings, env_names, is_secret, prefix_of
from decant.settings.explaining import show
from decant.settings.layers import Found
from decant.settings.mask import mask_text

_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "path_type": "a path in quotes",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "a length of at least {min_length}",
    "too_long": "a length of at most {max_length}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "missing": "a value",
    "extra_forbidden": "no such key",
}


def describe(error: ErrorDetails, table: str, cls: type[Settings], found: Mapping[str, Found]) -> str:
    """Return one fault of a table's settings as a sentence.

    Args:
        error: What pydantic says; its message and input are shown of fields that hold no secret.
        table: The table below ``[settings]``.
        cls: The class that was filled.
        found: The values that were found, by field.
    """
    name = _field(error, cls)
    key = ".".join([*([table] if table else []), *map(str, error["loc"])])
    if name is None:
        return f"[settings.{table}]: {mask_text(error['msg'])}. Correct the values that do not go together."
    if name not in found:
        return _missing(table, cls, name, key)
    field = cls.model_fields[name]
    secret = is_secret(name, field)
    value, source, _ = found[name]
    default = "" if field.is_required() else ", or delete it"
    if default and field.default is not None:
        default += f" to have {show(name, field.default, secret)}"
    return f"{source}: {key} = {show(name, value, secret)}: expected {expected(error, secret)}. Correct it{default}."


def expected(error: ErrorDetails, secret: bool) -> str:
    """Return what a value should have been."""
    known = _EXPECTED.get(error["type"])
    if known is not None:
        return known.format(**error.get("ctx", {}))
    return "another value (it is not shown because it is a secret)" if secret else mask_text(_own_message(error))


def _own_message(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    return f"another value ({message})"


def _field(error: ErrorDetails, cls: type[Settings]) -> str | None:
    """Return the field that an error is about; a missing one is reported by its alias."""
    first = error["loc"][0] if error["loc"] else None
    for name, field in cls.model_fields.items():
        if first in {name, field.alias, field.validation_alias if isinstance(field.validation_alias, str) else None}:
            return name
    return None


def _missing(table: str, cls: type[Settings], name: str, key: str) -> str:
    env_name: Any = env_names(prefix_of(table), name, cls.model_fields[name])[0]
    where = f"[settings.{table}]" if table else "[settings]"
    if is_secret(name, cls.model_fields[name]):
        return f"{env_name} is not set ({key}). Set it in the environment, or in the secret file {env_name}."
    return f"{env_name} is not set ({key}). Set it in the environment, or `{name}` below {where} in decant.toml."
