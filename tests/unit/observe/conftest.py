from __future__ import annotations

from importlib.util import find_spec

# The environment of the lowest Flask has nothing of OpenTelemetry, whose own schema judges our spans.
collect_ignore = [] if find_spec("opentelemetry") else ["test_otlp.py"]
