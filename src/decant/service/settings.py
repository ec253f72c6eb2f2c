"""The settings of one service: the toolkit's parts, and those of the modules that it hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from decant.modules import Module
from decant.settings import PARTS, Loaded, ModuleUrls, Settings, Sources, load
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
    entries = list(PARTS.items())
    for module in modules:
        entries += [(module.name, ModuleUrls), *((module.name, kind) for kind in settings_classes(module))]
    return load(entries, sources, others=elsewhere)


def settings_classes(module: Module) -> Iterator[type[Settings]]:
    """Yield the settings classes that a module's ``settings.py`` itself defines."""
    code = module.submodule("settings")
    for value in vars(code).values() if code is not None else ():
        if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == code.__name__:  # type: ignore[union-attr]
            yield value


def provide_settings(registry: Registry, module: Module, settings: Loaded) -> None:
    """Let a module's services ask for its own settings classes."""
    for kind in settings_classes(module):
        registry.add_value(kind, settings.get(kind, module.name))
