"""Writes the pages of the documentation that only repeat the code: ``make docs-reference``."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import click
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
MARK = "<!-- Written from the code by `make docs-reference`: change the code, then write again. -->"
WIDTH = 100

Page = Callable[[], str]

# --- settings ---------------------------------------------------------------------------------------------------------

CHOSEN_BEFORE = {
    "DECANT_ENV": "The environment: `development` (the default), `production`, or a name of your own.",
    "DECANT_SECRETS_DIR": "The folder of secret files; `/run/secrets` by default.",
    "DECANT_CONFIG": "The path of `decant.toml`.",
    "DECANT_TOPOLOGY": "The topology, before what `decant.toml` says.",
    "DECANT_SERVICE": "The service that a process serves.",
    "DECANT_PARENT_PID": "The process whose end ends this one; set by supervisors.",
    "DECANT_RUN": "The run of `decant up` that a process belongs to.",
    "DECANT_EDGE_URL": "The public address of the workspace; set by `decant up`.",
}
NOT_USED_YET = ("events_url", "sentry_dsn", "traces_sampler", "traces_sampler_arg")


def settings_page() -> str:
    """Return the page of all settings."""
    from decant.settings import PARTS, ModuleUrls
    from decant.settings.parts import CHOSEN_BEFORE as CHOSEN

    sections = [_settings_section(table, kind) for table, kind in {**PARTS, "<module>": ModuleUrls}.items()]
    chosen = [(f"`{name}`", CHOSEN_BEFORE[name]) for name in CHOSEN]
    return f"""\
# Settings reference

{MARK}

Where settings come from, and which source wins, is in [settings](../concepts/settings.md). `decant config` shows what
is in force.
{"".join(sections)}
## Names that choose what is read

These are no settings: they say where to look for settings. They stand in the environment; `DECANT_ENV`,
`DECANT_SECRETS_DIR` and `DECANT_TOPOLOGY` may stand in `.env` too.

{_table(("environment", "what it says"), chosen)}
Besides, every service has `<SERVICE>_SERVICE_URL`: where it answers when it is in another process.

## The switches of the kit

`Kit(app, settings=KitSettings(…))` on an application of your own. Services of a workspace take theirs
from the settings above.

{_table(("switch", "default", "what it does"), _kit_rows())}"""


def _settings_section(table: str, kind: type[BaseModel]) -> str:
    from decant.settings.base import env_names, prefix_of

    heading = f"[settings.{table}]" if table else "[settings]"
    prefix = "<MODULE>_" if table == "<module>" else prefix_of(table)
    rows = [
        (
            f"`{name}`",
            f"`{env_names(prefix, name, field)[0]}`",
            _type(field.annotation),
            _default(field.default),
            f"{_words(field.description or '')}{' Read, and not used yet.' if name in NOT_USED_YET else ''}",
        )
        for name, field in kind.model_fields.items()
    ]
    return f"""
## `{heading}`

{_first_line(kind)}

{_table(("key", "environment", "type", "default", "what it says"), rows)}"""


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type(get_args(annotation)[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    if origin in {Union, types.UnionType}:
        return " or ".join(_type(kind) for kind in get_args(annotation) if kind is not type(None))
    if origin is tuple:
        return f"{_type(get_args(annotation)[0])}, several with commas between or as JSON"
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    return words.get(annotation, "secret text" if annotation is SecretStr else str(annotation))


def _default(value: Any) -> str:
    if value is PydanticUndefined or value is None or value == ():
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _kit_rows() -> Iterator[tuple[str, ...]]:
    from decant.kit import KitSettings

    texts = _attributes(KitSettings.__doc__ or "")
    for field in dataclasses.fields(KitSettings):
        yield f"`{field.name}`", f"`{field.default!r}`", texts[field.name]


def _attributes(docstring: str) -> dict[str, str]:
    """Return what a docstring's ``Attributes:`` section says, by name."""
    section = docstring.partition("Attributes:\n")[2]
    found = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", section, re.MULTILINE)
    return {name: _words(text) for name, text in found}


# --- metrics ----------------------------------------------------------------------------------------------------------


def metrics_page() -> str:
    """Return the page of all metrics."""
    from decant.auth.audit import SIGN_INS
    from decant.db import gauges
    from decant.events import metrics as events
    from decant.observe import edges, metrics
    from decant.sagas import watching
    from decant.serving.front import refusals

    sagas = (watching.durations, watching.sagas)
    pools = (gauges.IN_USE, gauges.OPEN, gauges.LIMIT)
    moved = (events.EVENTS, events.DURATION, events.OUTBOX_ROWS, events.OUTBOX_OLDEST, events.WAITING)
    called = (
        edges.attempts, edges.retries, edges.budget_exhausted, edges.bulkhead_full,
        edges.breaker_state, edges.breaker_transitions,
    )  # fmt: skip
    served = (metrics.requests, refusals)
    families = (*served, metrics.calls, *called, metrics.exceptions, SIGN_INS, *pools, *moved, *sagas)
    rows = [_metric_row(metric) for metric in (*(family.metric for family in families), metrics.spans_dropped)]
    bounds = ", ".join(f"{bound:g}" for bound in metrics.BUCKETS_S)
    return f"""\
# Metrics

{MARK}

`/metrics` answers in Prometheus' text format. A single worker also tells Python's and the process's own metrics
(`python_*`, `process_*`); with several workers the answer is the sum over all of them, whichever worker is asked.

{_table(("name", "type", "labels", "what it counts"), rows)}
Times are in seconds; the histograms' bounds are {bounds}.
A histogram's `_count` is the rate, and by status or outcome the errors.

- `http_route` is the route's template, for instance `/books/<book_id>`, never the path; paths that no
  route matches share `{metrics.UNMATCHED}`.
- `outcome` is `ok` or the [error's code](../reference/errors.md); `mode` is `direct` or `remote`.
- Once a metric has {metrics.MAX_CHILDREN} combinations of labels, new ones count as `{metrics.OTHER}`.
"""


def _metric_row(metric: Any) -> tuple[str, ...]:
    (family,) = metric.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return f"`{name}`", family.type, ", ".join(f"`{label}`" for label in metric._labelnames), family.documentation


# --- errors -----------------------------------------------------------------------------------------------------------


def errors_page() -> str:
    """Return the page of all errors."""
    from decant.errors import DecantError

    _import_errors()
    rows = list(_error_rows(DecantError, 0))
    exits = re.findall(r"(\d+) ([^,.(]+)", _exit_codes())
    return f"""\
# Errors

{MARK}

Every error that the toolkit raises derives from `DecantError`. On the wire it is a problem document (RFC 9457) with
the `code` below. `retryable` tells that the same call may succeed later. The gRPC status is what a gRPC transport would
send; there is none yet, and nothing opens circuits (`CircuitOpen`) yet either.

{_table(("class", "code", "HTTP", "gRPC", "retryable", "when"), rows)}
Errors of Flask and Werkzeug become problem documents too; their code is the status in words, for instance
`method-not-allowed`.

`error.may_have_run` of a `RemoteCallError` is False only where it is known that the request was never sent.

## Exit codes of the command line

{_table(("exit code", "meaning"), [(code, text.strip()) for code, text in exits])}"""


def _import_errors() -> None:
    """Import the modules of the toolkit that define errors."""
    source = ROOT / "src"
    for path in sorted((source / "decant").rglob("*.py")):
        if re.search(r"^class \w+\([^)]*(Error|Unavailable)\b", path.read_text(), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(source).with_suffix("").parts))


def _error_rows(kind: type[Any], depth: int) -> Iterator[tuple[str, ...]]:
    yield (
        f"{'· ' * depth}`{kind.__name__}`",
        f"`{kind.code}`",
        str(kind.status),
        kind.grpc,
        "yes" if kind.retryable else "",
        _first_line(kind),
    )
    for child in sorted(kind.__subclasses__(), key=lambda child: child.__name__):
        if child.__module__.split(".")[0] == "decant":
            yield from _error_rows(child, depth + 1)


def _exit_codes() -> str:
    from decant.cli import errors

    return " ".join((errors.__doc__ or "").partition("Exit codes:")[2].split())


# --- the command line -------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Return the page of all commands: what ``--help`` prints."""
    from decant.cli.main import group

    sections = "\n".join(f"## `{name}`\n\n```text\n{text}\n```\n" for name, text in _helps(group, "decant", None))
    return f"""\
# Command line

{MARK}

Errors are told on stderr, as `error[code]:` and `help:`; the
[exit code](errors.md#exit-codes-of-the-command-line) says what kind it was. A word that is no verb is a module of the
workspace: `decant catalog COMMAND` runs that module's own [command](../how-to/commands.md).

{sections}"""


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    word = name.rsplit(maxsplit=1)[-1]
    width = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = command.make_context(word, [], parent=parent, resilient_parsing=True, **width)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        names = command.list_commands(context)
        for child in names:
            found = command.get_command(context, child)
            if found is not None:
                yield from _helps(found, f"{name} {child}", context)


# --- all of them ------------------------------------------------------------------------------------------------------


def _words(text: str) -> str:
    """Return a docstring's text as one line of Markdown."""
    return " ".join(text.split()).replace("``", "`")


def _first_line(kind: type[Any]) -> str:
    return _words((kind.__doc__ or "").strip().splitlines()[0])


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


PAGES: Mapping[str, Page] = {
    "operations/settings.md": settings_page,
    "operations/metrics.md": metrics_page,
    "reference/errors.md": errors_page,
    "reference/cli.md": cli_page,
}


def main() -> int:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
