"""What the kit adds to a bare Flask view, part by part: ``python -m benchmarks.kit_micro [rounds]``."""

from __future__ import annotations

import sys

from benchmarks.measure import measure

VARIANTS = {
    "kit:bare": "bare Flask jsonify",
    "kit:empty_hooks": "+ three empty Flask hooks",
    "kit:context_only": "+ context, request id, trace id",
    "kit:no_metrics": "+ security headers",
    "kit:no_log": "+ metrics",
    "kit:no_spans": "+ access line (the kit without a collector)",
    "kit:full": "+ span, encoded as OTLP JSON (everything)",
    "kit:opentelemetry": "OpenTelemetry's Flask instrumentation, spans alone",
}


def main(rounds: int) -> None:
    """Measure and print the table."""
    figures = measure(list(VARIANTS), rounds=rounds)
    base = figures["kit:bare"].cpu_us
    print(f"{'variant':52} {'CPU µs':>8} {'x bare':>7} {'wall µs':>8}")
    for variant, label in VARIANTS.items():
        figure = figures[variant]
        print(f"{label:52} {figure.cpu_us:8.1f} {figure.cpu_us / base:7.2f} {figure.wall_us:8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
