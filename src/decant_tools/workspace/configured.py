"""What ``decant config`` shows of services that are no modules: how each is started, and its environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from decant.settings import Row
from decant.settings.explaining import mask_value
from decant.settings.mask import mask_line, mask_text
from decant_tools.workspace.foreign import ForeignService, open_foreign

if TYPE_CHECKING:
    from decant.topology import Workspace


def describe(config: str) -> tuple[Workspace, list[Row]]:
    """Return a workspace, with or without a ``decant.toml``, and the rows of its foreign services.

    Args:
        config: What ``--config`` says.

    Raises:
        SettingsError: When ``decant.toml`` or a ``.env`` file is wrong, or there is no workspace.
    """
    foreign = open_foreign(config)
    return foreign.workspace, [row for service in foreign.services.values() for row in _rows(service)]


def _rows(service: ForeignService) -> Iterator[Row]:
    """Yield what a service is made of; secrets masked."""
    at = f"services.{service.name}"
    yield Row(f"{at}.path", "", service.project.path or ".", "found" if service.project.is_found else "decant.toml")
    yield Row(f"{at}.command", "", _masked(service.command) or None, service.command_at or "nothing says it")
    yield Row(f"{at}.port", service.port_name, service.port or None, service.port_at or "any that is free")
    if service.needs:
        yield Row(f"{at}.needs", "", sorted(service.needs), "decant.toml")
    for name, text in sorted(service.variables.items()):
        is_over = name in os.environ
        value, source = (os.environ[name], f"environment {name}") if is_over else text
        yield Row(f"{at}.env.{name}", name, mask_value(name, value), source)


def _masked(command: str) -> str:
    """Return a command with the passwords in its addresses and in ``NAME=value`` hidden."""
    return mask_text(" ".join(mask_line(word) if "=" in word else word for word in command.split(" ")))
