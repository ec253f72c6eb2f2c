"""What holds for any ``decant.toml``, however wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decant.errors import SettingsError
from decant.topology import Workspace, load_workspace
from tests.support.workspace import HEAD, MODULES, load, write_workspace

here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)

names = st.sampled_from(
    [*MODULES, "*", "x", "url", "port", "to", "path", "name", "modules", "each", "files", "needs", "command", "all", ""]
)
scalars = st.one_of(
    names.map(json.dumps), st.integers(-5, 10**5).map(str), st.sampled_from(["true", "1.5", "1979-05-27"])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(names.map(json.dumps), inner, max_size=3).map(
            lambda items: "{ " + ", ".join(f"{key} = {value}" for key, value in items.items()) + " }"
        ),
    ),
    max_leaves=6,
)
tables = [
    "workspace",
    "topologies",
    "topologies.x",
    "services",
    "services.cart",
    "gateway",
    "settings",
    "settings.decant",
    "libs",
    "libs.x",
    "modules.cart",
    "tasks.x",
    "services.x.tasks.y",
    "affected",
    "affected.files",
    "cache",
]
lines = st.one_of(
    st.sampled_from([f"[{table}]" for table in tables] + ["[[gateway.routes]]", "[other]"]),
    st.builds(lambda key, value: f"{json.dumps(key)} = {value}", names, values),
)


def loads_or_says_where(load_it: Callable[[], Workspace]) -> None:
    told: tuple[str, ...] = ("decant.toml:0: nothing was wrong",)
    try:
        assert isinstance(load_it(), Workspace)
    except SettingsError as error:
        told = error.faults
    assert told
    assert [fault for fault in told if not re.match(r"\S*decant\.toml:\d+: ", fault)] == []


@here
@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_load_or_are_told_with_their_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "decant.toml"
    path.write_bytes(raw)
    loads_or_says_where(lambda: load_workspace(path, environ={}))


@here
@given(text=st.lists(lines, max_size=12).map("\n".join))
def test_any_tables_load_or_are_told_with_their_line(tmp_path: Path, text: str) -> None:
    loads_or_says_where(lambda: load(tmp_path, text))


@pytest.mark.parametrize("raw", [b"a = " + b"[" * 100_000, b"a." * 5_000 + b"a = 1", b"a = " + b"9" * 5_000])
def test_what_would_exhaust_the_parser_is_told(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "decant.toml"
    path.write_bytes(raw)
    loads_or_says_where(lambda: load_workspace(path, environ={}))


@st.composite
def assignments(draw: st.DrawFn) -> tuple[dict[str, list[str]], bool]:
    """Any grouping of some modules; the rest goes to a last service or to one each."""
    some = draw(st.lists(st.sampled_from(MODULES), unique=True))
    groups: dict[str, list[str]] = {}
    for module in some:
        groups.setdefault(draw(st.sampled_from(["front", "back", "money"])), []).append(module)
    return groups, draw(st.booleans())


@here
@given(assignment=assignments())
def test_every_module_is_in_exactly_one_service(tmp_path: Path, assignment: tuple[dict[str, list[str]], bool]) -> None:
    groups, each = assignment
    rest = '"*" = "each"' if each else 'rest = ["*"]'
    path = write_workspace(
        tmp_path, "\n".join([HEAD, "[topologies.x]", *(f"{k} = {v}" for k, v in groups.items()), rest])
    )
    services = load_workspace(path, environ={}).services()
    assert sorted(module for service in services for module in service.modules) == list(MODULES)
    assert len({service.port for service in services}) == len(services)
