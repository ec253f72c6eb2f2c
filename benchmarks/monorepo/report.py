"""What is affected by a change in a large repository, and how fast that is known."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.monorepo import rivals
from benchmarks.monorepo.generate import Change, Repository, generate, git
from benchmarks.monorepo.timing import Figures, run

DECANT = str(Path(sys.executable).with_name("decant"))
LARGE = 1_000
SIZES = (10, 100, LARGE, 10_000)
LEAST_ROUNDS = 5

Answer = Callable[[str], Iterable[str]]
"""The names in what a program printed."""


@dataclass
class Case:
    """A program that is run again and again.

    Attributes:
        label: What the table calls it.
        argv: The program.
        answer: How its answer is read; None where it has none.
        environ: Added to the environment.
        forget: Folders that are deleted before each run, so that it begins cold.
        figures: What its runs took.
        wrong: How its answer was wrong, or "".
    """

    label: str
    argv: Sequence[str]
    answer: Answer | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    forget: Sequence[Path] = ()
    figures: Figures = field(default_factory=Figures)
    wrong: str = ""


def names_of_decant(printed: str) -> list[str]:
    return [each["name"] for each in json.loads(printed)["affected"]]


def names_of_turbo(printed: str) -> list[str]:
    return [each["name"] for each in json.loads(printed)["packages"]["items"]]


def names_of_nx(printed: str) -> list[str]:
    return list(json.loads(printed))


def tasks_of_decant(printed: str) -> list[str]:
    return [each["name"] for each in json.loads(printed)["tasks"]]


def tasks_of_turbo(printed: str) -> list[str]:
    return [each.partition(":")[0] for each in printed.splitlines() if ":test: cache " in each]


def measure(cases: Sequence[Case], repository: Repository, change: Change, rounds: int) -> None:
    """Run all cases in turns, once without being counted, and hold each answer against the one that is known."""
    git(repository.root, "checkout", "--quiet", change.branch)
    git(repository.root, "status")
    environ = rivals.environment(repository.root.parent / "kept")
    for number in range(rounds + 1):
        for case in cases:
            for folder in case.forget:
                shutil.rmtree(folder, ignore_errors=True)
            sample, printed = run(case.argv, repository.root, {**environ, **case.environ})
            if number:
                case.figures.samples.append(sample)
            if case.answer is not None:
                found = tuple(sorted(case.answer(printed)))
                if found != change.affected:
                    case.wrong = f"**wrong: {len(found)} instead of {len(change.affected)}**"


def decant(home: Path, *, is_cold: bool = False) -> Case:
    """Return ``decant affected`` with a folder of its own for what it keeps."""
    label = f"`decant affected`, {'cold' if is_cold else 'cached'}"
    environ = {"DECANT_HOME": str(home)}
    argv = [DECANT, "affected", "--base", "main", "--json"]
    return Case(label, argv, names_of_decant, environ, forget=[home] if is_cold else ())


def scale() -> list[Case]:
    """Return what the others are held against."""
    return [
        Case("`git status --porcelain -uall`", ["git", "status", "--porcelain", "-uall"]),
        Case("`python -c 'import click'`", [sys.executable, "-c", "import click"]),
    ]


def others(binaries: Path, home: Path) -> list[Case]:
    """Return Turborepo and Nx, asked the same."""
    turbo, nx = str(binaries / "turbo"), str(binaries / "nx")
    listing = [turbo, "ls", "--affected", "--output=json"]
    showing = [nx, "show", "projects", "--affected", "--base=main", "--head=HEAD", "--json"]
    apart = {
        name: {
            "NX_CACHE_DIRECTORY": str(home / f"{name}-cache"),
            "NX_WORKSPACE_DATA_DIRECTORY": str(home / f"{name}-data"),
        }
        for name in ("cold", "daemon")
    }
    cold = [home / "cold-cache", home / "cold-data"]
    turbo_cold = home / "turbo-cold"
    return [
        Case(
            "`turbo ls --affected`, cold", listing, names_of_turbo, {"TURBO_CACHE_DIR": str(turbo_cold)},
            forget=[turbo_cold],
        ),
        Case("`turbo ls --affected`, warm", listing, names_of_turbo),
        Case("`nx show projects --affected`, no daemon, cold", showing, names_of_nx, apart["cold"], forget=cold),
        Case("`nx show projects --affected`, no daemon, graph cached", showing, names_of_nx),
        Case(
            "`nx show projects --affected`, daemon warm (its own CPU not counted)", showing, names_of_nx,
            {**apart["daemon"], "NX_DAEMON": "true"},
        ),
    ]  # fmt: skip


def tests(binaries: Path | None, home: Path) -> list[Case]:
    """Return the test runs in which nothing is left to do."""
    argv = [DECANT, "test", "--affected", "--base", "main", "--json"]
    found = [Case("`decant test --affected`, nothing to do", argv, tasks_of_decant, {"DECANT_HOME": str(home)})]
    if binaries is not None:
        turbo = [str(binaries / "turbo"), "run", "test", "--affected"]
        nx = [str(binaries / "nx"), "affected", "-t", "test", "--base=main", "--head=HEAD"]
        found.append(Case("`turbo run test --affected`, nothing to do", turbo, tasks_of_turbo))
        found.append(Case("`nx affected -t test`, nothing to do, no daemon", nx))
    return found


def table(title: str, cases: Sequence[Case]) -> str:
    """Return what was measured as Markdown."""
    head = "| command | wall ms | least | CPU ms | MiB | answer |"
    lines = [f"### {title}", "", head, "| --- | --- | --- | --- | --- | --- |"]
    for case in cases:
        taken, answer = case.figures, case.wrong or ("right" if case.answer else "")
        figures = (taken.wall_ms, taken.least_ms, taken.cpu_ms, taken.rss_mib)
        lines.append(f"| {case.label} | {' | '.join(f'{each:.0f}' for each in figures)} | {answer} |")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Bar:
    """What one case must reach, beside others of the same run; in medians of wall time.

    Attributes:
        case: How the case begins.
        against: How the others begin; their times are added up.
        times: At most so many times theirs.
    """

    case: str
    against: tuple[str, ...]
    times: float

    def say(self, cases: Mapping[str, Case]) -> tuple[str, bool] | None:
        """Return a line and whether the bar is reached; None where something was not measured."""
        found = [
            next((case for label, case in cases.items() if label.startswith(start)), None)
            for start in (self.case, *self.against)
        ]
        if any(case is None for case in found):
            return None
        own, *rest = [case for case in found if case is not None]
        ratio = own.figures.wall_ms / sum(case.figures.wall_ms for case in rest)
        verdict = "reached" if ratio <= self.times else "**missed**"
        beside = " + ".join(case.label for case in rest)
        return f"- {own.label}: {ratio:.2f} x {beside} (bar ≤ {self.times:g}): {verdict}", ratio <= self.times


BARS = (
    Bar("`decant affected`, cached", ("`git status", "`python -c"), 1.15),
    Bar("`decant affected`, cached", ("`turbo ls --affected`, warm",), 0.7),
    Bar("`decant affected`, cached", ("`nx show projects --affected`, no daemon, graph cached",), 0.125),
    Bar("`decant affected`, cold", ("`turbo ls --affected`, cold",), 1.0),
    Bar("imports: `decant affected`, cached", ("`turbo ls --affected`, warm",), 1.4),
    Bar("imports: `decant affected`, cold", ("`nx show projects --affected`, no daemon, cold",), 1.7),
    Bar("`decant test", ("`turbo run test",), 1.0),
    Bar("`decant test", ("`nx affected -t test",), 0.12),
)


def report(rounds: int = 9) -> bool:
    """Measure and print everything; return whether every answer is right and every bar is reached."""
    rounds = max(LEAST_ROUNDS, rounds)
    with tempfile.TemporaryDirectory(prefix="decant-bench-") as name:
        folder = Path(name)
        modules = rivals.install(folder / "tools")
        binaries = modules / ".bin" if modules is not None else None
        large = _made(folder, LARGE, modules)
        leaf = [*scale(), *_decants(folder, "leaf")]
        leaf += [] if binaries is None else others(binaries, folder / "kept")
        leaf += tests(binaries, folder / "kept" / "tasks")
        hub = _decants(folder, "hub") + ([] if binaries is None else others(binaries, folder / "kept")[1::2])
        try:
            measure(leaf, large, large.leaf, rounds)
            measure(hub, large, large.hub, LEAST_ROUNDS)
        finally:
            if binaries is not None:
                home = folder / "kept"
                environ = rivals.environment(home) | dict(others(binaries, home)[-1].environ)
                rivals.stop_daemon(binaries, large.root, environ)
        print(f"\n{table(f'One leaf of {LARGE} packages, {large.files} files: 2 are affected', leaf)}", flush=True)
        print(f"\n{table(f'What most need: {len(large.hub.affected)} are affected', hub)}", flush=True)
        shutil.rmtree(large.root)
        imports = _imports(folder, rounds)
        sizes = _sizes(folder)
    known = {case.label: case for case in leaf} | {f"imports: {case.label}": case for case in imports}
    said = [found for bar in BARS if (found := bar.say(known)) is not None]
    print("\n" + "\n".join(line for line, _ in said), flush=True)
    return all(reached for _, reached in said) and not any(case.wrong for case in (*leaf, *hub, *imports, *sizes))


def _made(folder: Path, packages: int, modules: Path | None = None, *, imports: bool = False) -> Repository:
    made = generate(folder / f"{'imports' if imports else 'packages'}-{packages}", packages, imports=imports)
    if modules is not None:
        (made.root / "node_modules").symlink_to(modules)
    return made


def _decants(folder: Path, name: str) -> list[Case]:
    return [decant(folder / "kept" / f"{name}-cold", is_cold=True), decant(folder / "kept" / f"{name}-warm")]


def _imports(folder: Path, rounds: int) -> list[Case]:
    """Measure modules that import each other: what is read there, and no other tool reads."""
    made = _made(folder, LARGE, imports=True)
    cases = [*scale(), *_decants(folder, "imports")]
    measure(cases, made, made.leaf, rounds)
    print(f"\n{table(f'The same packages with {made.modules} modules that import each other', cases)}", flush=True)
    shutil.rmtree(made.root)
    return cases


def _sizes(folder: Path) -> list[Case]:
    """Measure repositories of several sizes."""
    print("\n### How it grows\n\n| packages | files | `git status` | cached | cold | answer |", flush=True)
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    found = []
    for packages in SIZES:
        made = _made(folder, packages)
        cases = [scale()[0], *_decants(folder, f"size-{packages}")]
        measure(cases, made, made.leaf, LEAST_ROUNDS)
        status, cold, cached = cases
        walls = " | ".join(f"{case.figures.wall_ms:.0f}" for case in (status, cached, cold))
        answer = cold.wrong or cached.wrong or "right"
        print(f"| {packages} | {made.files} | {walls} | {answer} |", flush=True)
        shutil.rmtree(made.root)
        found += cases
    return found
