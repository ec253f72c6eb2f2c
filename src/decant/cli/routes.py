"""``decant routes``: every path that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from decant.cli.chosen import EVERYTHING, applications, service_options
from decant.cli.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.routing import Rule


class Row(NamedTuple):
    """One method of one path.

    Attributes:
        method: In upper case; HEAD and OPTIONS only where a view declares them itself.
        path: As Flask writes it.
        endpoint: As ``url_for`` takes it.
        module: The module, or "-" for what belongs to the application.
        kind: ``operation`` or ``view``.
        audience: ``public`` at the edge, or ``internal``: at the service's own address alone.
        service: The service that answers.
    """

    method: str
    path: str
    endpoint: str
    module: str
    kind: str
    audience: str
    service: str


@click.command(
    "routes",
    short_help="List every route.",
    help="""List every route of SERVICE, or of every service of the topology.

    \b
    Examples:
      decant routes
      decant routes --topology services --json | jq '.routes[] | select(.audience == "internal")'
      decant routes legacy.wsgi:app
      decant routes --manifest routes.json
    """,
)
@service_options
@click.option(
    "--manifest",
    metavar="FILE",
    help="Write what `decant gateway --manifest FILE` needs instead: all routes and the API document; - is stdout.",
)
@json_option
def command(service: str | None, topology: str | None, config: str, manifest: str | None, as_json: bool) -> None:
    if manifest is not None:
        _write_manifest(manifest, service, topology, config)
        return
    rows = [row for name, app in applications(service, topology, config) for row in rows_of(app, name)]
    if as_json:
        print_json(routes=[row._asdict() for row in rows])
    else:
        print_table([name.upper() for name in Row._fields], rows)


def _write_manifest(file: str, service: str | None, topology: str | None, config: str) -> None:
    """Write what the public address has: the same in every topology, so none can be chosen."""
    from decant.gateway.routes.collect import manifest_of_modules
    from decant.gateway.routes.manifest import dump_manifest

    if service not in (None, EVERYTHING) or topology is not None:
        raise click.UsageError("--manifest is about all modules: leave SERVICE and --topology out.")
    text = dump_manifest(manifest_of_modules(config))
    with click.open_file(file, "w", encoding="utf-8", atomic=file != "-") as out:
        out.write(text)


def rows_of(app: Flask, service: str) -> list[Row]:
    """Return every route of an application, sorted by path and method."""
    from decant.http.views import registered_operations
    from decant.modules import Module

    modules = {name for name, blueprint in app.blueprints.items() if isinstance(blueprint, Module)}
    operations = {(known.rule, known.operation.method): known for known in registered_operations(app)}

    def row(rule: Rule, method: str) -> Row:
        owner, own_address = rule.endpoint.partition(".")[0], "@" in rule.endpoint
        known = operations.get((rule.rule, method))
        return Row(
            method,
            rule.rule,
            rule.endpoint,
            owner if owner in modules else "-",
            "operation" if known or own_address else "view",
            "internal" if own_address or (known and not known.public) else "public",
            service,
        )

    rows = [row(rule, method) for rule in app.url_map.iter_rules() for method in _methods(rule)]
    return sorted(rows, key=lambda one: (one.path, one.method, one.endpoint))


def _methods(rule: Rule) -> set[str]:
    methods = set(rule.methods or ())
    if "GET" in methods:
        methods.discard("HEAD")
    if getattr(rule, "provide_automatic_options", True):
        methods.discard("OPTIONS")
    return methods
