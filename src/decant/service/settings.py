"""The settings of one service: the toolkit's parts, and those of the modules that it hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decant.modules import Module
from decant.settings import Loaded, Sources, classes_in, entries_of, load
from decant.wiring import Registry


def load_settings(modules: Sequence[Module], sources: Sources, elsewhere: Iterable[str] = ()) -> Loaded:
    """Read every setting that a service needs.

    Args:
        modules: The modules that it hosts; their ``settings.py`` is imported.
        sources: Where settings come from.
        elsewhere: The names of modules that live in other services; their tables are left alone.

    Raises:
        SettingsError: With every fault.
    """
    return load(
        entries_of({module.name: module.submodule("settings") for module in modules}), sources, others=elsewhere
    )


def provide_settings(registry: Registry, module: Module, settings: Loaded) -> None:
    """Let a module's services ask for its own settings classes."""
    for kind in classes_in(module.submodule("settings")):
        registry.add_value(kind, settings.get(kind, module.name))
