"""Failures that went through several modules: one chain, whether those share a process or not.

Each process adds the places that it knows, and passes them to the service that asked. Where the request came in, the
whole chain is shown, once. Only in development: in production a failure is found by its trace id.
"""

from decant.observe.failures.model import Failure, Line, Step
from decant.observe.failures.recent import RecentLines, recent, remember_lines
from decant.observe.failures.telling import OPERATION, summary, tell, way
from decant.observe.failures.text import as_text, log_line, title
from decant.observe.failures.wire import MAX_BYTES, VERSION, from_wire, to_wire

__all__ = [
    "MAX_BYTES",
    "OPERATION",
    "VERSION",
    "Failure",
    "Line",
    "RecentLines",
    "Step",
    "as_text",
    "from_wire",
    "log_line",
    "recent",
    "remember_lines",
    "summary",
    "tell",
    "title",
    "to_wire",
    "way",
]
