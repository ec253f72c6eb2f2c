"""Tables that belong to a module and say so by their name."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from sqlalchemy import MetaData, Table, event
from sqlalchemy.orm import DeclarativeBase

from decant.errors import SetupError

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for constraints, so that a migration can change what it did not name."""

_MODULE = "decant.module"


def module_metadata(module: str) -> MetaData:
    """Return the MetaData for a module's tables: constraints get names, tables must have the prefix."""
    return MetaData(naming_convention=NAMING, info={_MODULE: module})


class ModuleBase:
    """Makes a SQLAlchemy declarative base the base of one module's models.

    A model without ``__tablename__`` gets ``<module>_<class_name>``; one with it must begin with
    ``<module>_``, because modules may share a server and never a table.

    Raises:
        SetupError: At declaration, for a table name without the module's prefix.

    Example:
        >>> from sqlalchemy.orm import Mapped, mapped_column
        >>> class Base(ModuleBase, DeclarativeBase, module="reviews"):
        ...     pass
        >>> class Review(Base):
        ...     id: Mapped[int] = mapped_column(primary_key=True)
        >>> Review.__tablename__
        'reviews_review'
    """

    __tablename__: Any

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        if module is not None:
            cls.metadata = module_metadata(module)  # type: ignore[attr-defined]
        elif _needs_name(cls):
            owner = cls.metadata.info.get(_MODULE)  # type: ignore[attr-defined]
            cls.__tablename__ = f"{owner}_{_snake(cls.__name__)}"
        super().__init_subclass__(**kwargs)


def _needs_name(cls: type) -> bool:
    own = cls.__dict__
    if "__abstract__" in own or "__table__" in own or hasattr(cls, "__tablename__"):
        return False  # a subclass of a model keeps its table: single-table inheritance
    if getattr(cls, "metadata", None) is None:
        raise SetupError(
            f"{cls.__name__}: the base class does not say whose tables these are.",
            hint=f'Write: class {cls.__name__}(ModuleBase, DeclarativeBase, module="name_of_the_module")',
        )
    return True


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@event.listens_for(Table, "after_parent_attach")
def _check_prefix(table: Table, parent: Any) -> None:
    module = getattr(parent, "info", {}).get(_MODULE)
    if module is not None and not table.name.startswith(f"{module}_"):
        raise SetupError(
            f"Table {table.name!r} of module {module} does not begin with {module + '_'!r}.",
            hint=f"Name it {module}_{table.name}, or leave __tablename__ out.",
        )


def metadata_of(models: ModuleType) -> MetaData | None:
    """Return the MetaData of a module's models: that of the declarative base which ``models`` holds."""
    found = {
        id(value.metadata): value.metadata
        for value in vars(models).values()
        if isinstance(value, type) and issubclass(value, DeclarativeBase) and value is not DeclarativeBase
    }
    if len(found) > 1:
        names = sorted(str(metadata.info.get(_MODULE, "a plain DeclarativeBase")) for metadata in found.values())
        raise SetupError(
            f"{models.__name__} mixes models of several bases: {', '.join(names)}.",
            hint="Keep one base per module, and do not import another module's models.",
        )
    return next(iter(found.values()), None)
