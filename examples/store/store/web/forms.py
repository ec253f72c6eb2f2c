"""What somebody typed, and what is wrong with it, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class Form:
    """The fields of a page's form.

    Args:
        values: What the fields hold. Passwords are never shown again, whatever is here.

    Attributes:
        errors: What to tell beside each field that is wrong.
        problem: What to tell about the form as a whole; "" for nothing.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        self.errors: dict[str, str] = {}
        self.problem = ""

    def take(self, kind: type[M], words: Mapping[str, str], **known: Any) -> M | None:
        """Return the fields as a contract wants them, or None and an error beside each that does not fit.

        Args:
            kind: The contract's type.
            words: What to tell about each field, for people; the contract's own words are for programs.
            **known: Fields that nobody types.
        """
        try:
            return kind.model_validate({name: self.values.get(name, "") for name in kind.model_fields} | known)
        except ValidationError as error:
            wrong = {str(fault["loc"][0]) for fault in error.errors(include_url=False, include_input=False)}
            self.errors |= {name: text for name, text in words.items() if name in wrong}
            return None
