"""The base of every settings class."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, PrivateAttr, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic.types import Secret
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from decant.settings.mask import is_secret_name


class Settings(BaseSettings):
    """Typed settings of one module or part, read from all layers by :func:`decant.settings.load`.

    A module subclasses it in its ``settings.py`` and takes it as a constructor parameter. A field ``page_size``
    of the module ``catalog`` is ``page_size`` below ``[settings.catalog]`` in ``decant.toml``, and
    ``CATALOG_PAGE_SIZE`` in the environment. Made by hand, as in a test, it reads nothing but its arguments.

    Example:
        >>> class CatalogSettings(Settings):
        ...     page_size: int = 20
        >>> CatalogSettings(page_size=5).page_size
        5
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )

    _sources: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave only the arguments: the layers are read once, in the factory, from what it was given."""
        return (init_settings,)

    def source_of(self, field: str) -> str:
        """Return where a field's value came from: ``decant.toml:12``, ``environment X`` or ``default``."""
        return self._sources.get(field, "default")


def prefix_of(table: str) -> str:
    """Return the prefix of a table's environment names: ``decant.http`` has ``DECANT_HTTP_``."""
    return f"{table.replace('.', '_').upper()}_" if table else ""


def env_names(prefix: str, name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return the environment names of a field; an alias is taken as it is written."""
    alias = field.validation_alias
    if isinstance(alias, str):
        return (alias,)
    if isinstance(alias, AliasChoices):
        return tuple(choice for choice in alias.choices if isinstance(choice, str))
    return (f"{prefix}{name.upper()}",)


def is_secret(name: str, field: FieldInfo) -> bool:
    """Return whether a field's value must never be shown."""
    return is_secret_name(name) or any(_is_secret_type(kind) for kind in _kinds(field.annotation))


def is_container(field: FieldInfo) -> bool:
    """Return whether a field holds several values, which a text writes as JSON or with commas."""
    return any(_is_container_type(kind) for kind in _kinds(field.annotation))


def _is_secret_type(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, SecretStr | SecretBytes | Secret)


def _is_container_type(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, list | tuple | set | frozenset | dict | BaseModel)


def _kinds(annotation: Any) -> list[Any]:
    """Return the plain types of an annotation, those inside of unions and ``Annotated`` included."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [kind for member in get_args(annotation) for kind in _kinds(member)]
    if origin is None:
        return [annotation]
    return [origin, *(kind for member in get_args(annotation) for kind in _kinds(member) if _is_secret_type(kind))]
