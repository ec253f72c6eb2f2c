"""Run every comparison and say which bars are reached: ``make bench``, or ``make bench ARGS="calls --rounds 15"``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import startup
from benchmarks.measure import Figure, measure
from benchmarks.monorepo import report as monorepo
from benchmarks.variants import events, gateway, overload, rpc, store

BARE = "operations:bare"
BARE_US = 45.3
"""What a bare Flask view cost where the bars in microseconds were set. Machines differ: such a bar is scaled by this
view's cost in the same run."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What a variant must reach, against another one of the same run.

    Attributes:
        variant: The variant that is judged.
        against: The variant that it is compared to.
        kind: ``ratio``: CPU time at most ``limit`` times the other's. ``faster``: at least ``limit`` times faster.
            ``added``: at most ``limit`` microseconds more, on a machine where a bare Flask view costs ``BARE_US``.
        limit: The bar.
    """

    variant: str
    against: str
    kind: str
    limit: float

    @property
    def needs(self) -> tuple[str, ...]:
        """The variants that it takes to judge."""
        return (self.variant, self.against, BARE) if self.kind == "added" else (self.variant, self.against)

    def value(self, figures: dict[str, Figure]) -> float:
        own, other = figures[self.variant].cpu_us, figures[self.against].cpu_us
        if self.kind == "added":
            return (own - other) * BARE_US / figures[BARE].cpu_us
        return own / other if self.kind == "ratio" else other / own

    def reached(self, figures: dict[str, Figure]) -> bool:
        value = self.value(figures)
        return value >= self.limit if self.kind == "faster" else value <= self.limit

    def text(self, figures: dict[str, Figure]) -> str:
        value, sign = self.value(figures), "≥" if self.kind == "faster" else "≤"
        unit = {"added": "µs (scaled) more than", "faster": "x faster than", "ratio": "x"}[self.kind]
        verdict = "reached" if self.reached(figures) else "**missed**"
        return f"{value:.2f} {unit} `{self.against.partition(':')[2]}` (bar {sign} {self.limit:g}): {verdict}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Variants that are measured in turns, and the bars between them."""

    title: str
    variants: Sequence[tuple[str, str]]
    bars: Sequence[Bar]


COMPARISONS = {
    "operation": Comparison(
        "One typed operation, in process",
        [
            ("operations:bare", "bare Flask `jsonify` view"),
            ("operations:typed", "typed operation, no kit"),
            ("operations:typed_kit", "typed operation, full kit: ids, trace, metrics, access line, span, headers"),
            ("kit:opentelemetry", "`jsonify` view, OpenTelemetry's Flask instrumentation alone"),
            ("tokens:cached", "verify a service token (EdDSA), seen before"),
            ("tokens:first_time", "verify a service token, first time"),
        ],
        [
            Bar("operations:typed_kit", "operations:bare", "ratio", 2.0),
            Bar("tokens:cached", "calls:method", "added", 5.0),
        ],
    ),
    "kit": Comparison(
        "The kit, part by part, on a bare Flask `jsonify` view",
        [
            ("kit:bare", "bare"),
            ("kit:context_only", "hooks, context, request id, trace id"),
            ("kit:no_metrics", "and security headers"),
            ("kit:no_log", "and metrics"),
            ("kit:no_spans", "and an access line: the kit without a collector"),
            ("kit:full", "and a span, encoded as OTLP: everything"),
        ],
        [],
    ),
    "list": Comparison(
        "A list of 50 items",
        [
            ("operations:list_by_hand", "rows to dicts, `orjson`, by hand"),
            ("operations:list_by_hand_kit", "the same with the kit"),
            ("operations:list_prebuilt", "typed, models that are there already"),
            ("operations:list_prebuilt_kit", "the same with the kit"),
            ("operations:list_from_rows", "typed, rows become 50 models"),
            ("operations:list_from_rows_kit", "typed, rows become 50 models, kit"),
            ("operations:list_built_by_hand_kit", "typed, 50 models built in the view, kit"),
            ("operations:smorest", "flask-smorest and marshmallow"),
            ("operations:smorest_kit", "the same with the kit"),
            ("operations:bare", "for scale: a bare Flask `jsonify` view of one item"),
        ],
        [
            Bar("operations:list_prebuilt_kit", "operations:list_by_hand_kit", "ratio", 1.3),
            Bar("operations:list_from_rows_kit", "operations:list_by_hand_kit", "ratio", 2.0),
            Bar("operations:list_prebuilt", "operations:smorest", "faster", 8.0),
            Bar("operations:list_from_rows", "operations:smorest", "faster", 8.0),
            Bar("operations:list_from_rows_kit", "operations:smorest_kit", "faster", 5.0),
        ],
    ),
    "auth": Comparison(
        "Users: an access token, and a sign-in",
        [
            ("auth:argon2", "argon2id alone, by argon2-cffi"),
            ("auth:password", "check a password, with the bound on hashes"),
            ("auth:sign_in", "sign in: limit, password, refresh token, access token; the stores in SQLite"),
            ("auth:cached", "verify an access token (EdDSA), seen before"),
            ("auth:first_time", "verify an access token, first time"),
            ("auth:identify", "what a request with a token seen before costs more: header to caller"),
        ],
        [
            Bar("auth:password", "auth:argon2", "ratio", 1.05),
            Bar("auth:sign_in", "auth:argon2", "ratio", 1.15),
            Bar("auth:cached", "calls:method", "added", 5.0),
            Bar("auth:identify", "calls:method", "added", 5.0),
        ],
    ),
    "calls": Comparison(
        "A call between modules in one process",
        [
            ("calls:method", "plain method call"),
            ("calls:direct", "direct call: context, scope, metrics, span"),
            ("calls:direct_unused_session", "direct call, with a session that is not used"),
            ("calls:session_by_hand", "a reused session with one statement, by hand"),
            ("calls:direct_used_session", "direct call, with a session and one statement"),
            ("calls:write_careless", "direct call that writes a row to a file"),
            ("calls:write_without_key", "the same with `idempotent=True`, called without a key"),
            ("calls:write_with_key", "called with a new key each time"),
            ("calls:write_again_with_key", "called with a key that has its answer"),
            ("calls:strict", "strict call: one text argument, one model back"),
            ("calls:reserve_strict", "strict call: a list of three models, one model back"),
        ],
        [
            Bar("calls:direct", "calls:method", "added", 3.0),
            Bar("calls:direct_used_session", "calls:session_by_hand", "added", 10.0),
            Bar("calls:strict", "calls:direct", "added", 5.0),
        ],
    ),
}


def table(comparison: Comparison, figures: dict[str, Figure]) -> str:
    """Return a comparison as Markdown."""
    base = figures[comparison.variants[0][0]].cpu_us
    bars = {variant: [bar for bar in comparison.bars if bar.variant == variant] for variant, _ in comparison.variants}
    lines = [
        f"### {comparison.title}",
        "",
        "| variant | CPU µs | x first | wall µs | bar |",
        "| --- | --- | --- | --- | --- |",
    ]
    for variant, label in comparison.variants:
        figure = figures[variant]
        said = "; ".join(bar.text(figures) for bar in bars[variant])
        lines.append(f"| {label} | {figure.cpu_us:.2f} | {figure.cpu_us / base:.2f} | {figure.wall_us:.2f} | {said} |")
    return "\n".join(lines)


def compare(name: str, rounds: int) -> bool:
    """Measure and print one comparison; return whether every bar is reached."""
    comparison = COMPARISONS[name]
    wanted = {variant for variant, _ in comparison.variants} | {name for bar in comparison.bars for name in bar.needs}
    figures = measure(sorted(wanted), rounds=rounds)
    print(f"\n{table(comparison, figures)}", flush=True)
    return all(bar.reached(figures) for bar in comparison.bars)


def main(argv: Sequence[str]) -> int:
    known: dict[str, Callable[[int], bool]] = {
        **{name: (lambda rounds, name=name: compare(name, rounds)) for name in COMPARISONS},
        "startup": lambda rounds: startup.report(min(rounds, 5)),
        "rpc": rpc.report,
        "events": lambda rounds: events.report(min(rounds, 5)),
        "overload": overload.report,
        "store": lambda rounds: store.report(min(rounds, 3)),
        "gateway": lambda rounds: gateway.report(min(rounds, 3)),
        "monorepo": monorepo.report,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {' '.join(known)}; all by default")
    parser.add_argument("--rounds", type=int, default=9, help="how often each variant is run")
    given = parser.parse_args(argv)
    unknown = [name for name in given.names if name not in known]
    if unknown:
        parser.error(f"there is no {' '.join(unknown)}; there are: {' '.join(known)}")
    reached = [known[name](given.rounds) for name in given.names or known]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
