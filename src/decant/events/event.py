"""Events: facts that a module tells the others, typed and immutable."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from decant.errors import SetupError

KEY_LENGTH = 200
_TYPE = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+")


class Event(BaseModel):
    """The base of a module's events. Name them in the past tense: something happened.

    Args:
        type: The stable name on the wire, ``<module>.<what-happened>``; renaming the class does not change it.
        key: The field whose value keeps events in order: those with the same key arrive as they were published.
        version: The schema's version, from 1. Raise it when older events no longer fit, and define :meth:`upgrade`.

    Raises:
        SetupError: At declaration, for a missing or ill-formed type, a version below 1, or a key that is not a field.

    Example:
        >>> class ReviewPosted(Event, type="reviews.posted", key="book_id"):
        ...     book_id: str
        ...     stars: int
        >>> ReviewPosted(book_id="b1", stars=5).key_value()
        'b1'
    """

    model_config = ConfigDict(frozen=True)

    event_type: ClassVar[str] = ""
    event_key: ClassVar[str | None] = None
    event_version: ClassVar[int] = 1

    def __init_subclass__(
        cls,
        *,
        type: str = "",  # noqa: A002 - reads as CloudEvents calls it
        key: str | None = None,
        version: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        type: str = "",  # noqa: A002 - as above
        key: str | None = None,
        version: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not _TYPE.fullmatch(type) or len(type) > KEY_LENGTH:
            raise SetupError(
                f"{cls.__name__}: {type!r} is not an event type.",
                hint=f'Write: class {cls.__name__}(Event, type="module.what-happened", key="a_field")',
            )
        if key is not None and key not in cls.model_fields:
            raise SetupError(f"{cls.__name__}: the key {key!r} is not one of its fields: {list(cls.model_fields)}.")
        if version is not None and version < 1:
            raise SetupError(f"{cls.__name__}: the version {version} is below 1.")
        cls.event_type = type
        cls.event_key = key if key is not None else cls.event_key
        cls.event_version = version if version is not None else cls.event_version

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:  # noqa: ARG003 - for overrides
        """Return the fields of an event that was published as an older version, as this one has them.

        Override it in the class that raises ``version``: events of the old one are still on their way.

        Args:
            data: The fields as published.
            version: The version they were published as, lower than this class's.

        Example:
            >>> class Posted(Event, type="reviews.posted", version=2):
            ...     stars: int
            ...     @classmethod
            ...     def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
            ...         return {"stars": data["rating"]} if version < 2 else data
            >>> Posted.upgrade({"rating": 4}, 1)
            {'stars': 4}
        """
        return data

    def key_value(self) -> str:
        """Return what orders this event among others, or "" when nothing does."""
        return "" if self.event_key is None else str(getattr(self, self.event_key))
