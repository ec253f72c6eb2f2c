"""The same tests against one process, one through the codec, and real services: a pytest plugin.

``pytest --topology services`` is all that it takes; :mod:`decant.testing.plugin` has the fixtures. Nothing here is
imported before a test uses it (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decant.testing.answers import Answers, Difference, differences
    from decant.testing.client import Answer, Client
    from decant.testing.process import in_process
    from decant.testing.running import RunningTopology, run_topology
    from decant.testing.scenario import Scenario
    from decant.testing.variant import Variant

_HOME = {
    "decant.testing.answers": ("Answers", "Difference", "differences"),
    "decant.testing.client": ("Answer", "Client"),
    "decant.testing.process": ("in_process",),
    "decant.testing.running": ("RunningTopology", "run_topology"),
    "decant.testing.scenario": ("Scenario",),
    "decant.testing.variant": ("Variant",),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Answer",
    "Answers",
    "Client",
    "Difference",
    "RunningTopology",
    "Scenario",
    "Variant",
    "differences",
    "in_process",
    "run_topology",
]


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module 'decant.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
