"""Chains of reasons in words, and whose file a path is."""

from __future__ import annotations

import os

import pytest

from decant_tools.workspace.affected.owners import Owners, nodes_of
from decant_tools.workspace.affected.selection import Selected, Step
from decant_tools.workspace.affected.words import BY, chain_lines, last_hop, shown, why_not
from decant_tools.workspace.model import Edge, Graph, Project

FILE = Step("libs/a/x.py", "modified")
LIB, SERVICE = Project("lib", "a", "libs/a"), Project("service", "s", "services/s")


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ((FILE, Step("lib:a", "changed")), "libs/a/x.py was modified"),
        ((FILE, Step("lib:a", "changed"), Step("service:s", "import", "s/app.py:3")), "imports lib a (s/app.py:3)"),
        ((FILE, Step("service:s", "copy", "s/Dockerfile:2")), "copies libs/a/x.py into its image (s/Dockerfile:2)"),
        ((Step("uv.lock", "modified"), Step("package:flask", "locked", "uv.lock"), Step("service:s", "lock")), "requires package flask"),
        ((FILE, Step("m/b.py", "contract", "m/b.py:1"), Step("module:m", "holds", "m/b.py")), "m/b.py uses the contract of libs/a/x.py (m/b.py:1)"),
        ((Step("service:s", "fallback", "no-base"),), "is selected because not everything is known (no-base)"),
        ((FILE, Step("service:s", "something new")), "something new"),
    ],
)  # fmt: skip
def test_the_last_hop_says_what_a_person_wants_to_know(why: tuple[Step, ...], words: str) -> None:
    assert last_hop(Selected(SERVICE, why)) == words


def test_a_chain_is_aligned() -> None:
    lines = chain_lines((FILE, Step("lib:a", "changed"), Step("service:s", "manifest", "s/requirements.txt:1")))
    assert lines == [
        "  libs/a/x.py  was modified",
        "  lib a        has it",
        "  service s    requires it   s/requirements.txt:1",
    ]


def test_every_kind_of_edge_has_words() -> None:
    kinds = {"manifest", "import", "contract", "event", "copy", "extra", "holds", "hosts", "ships"}
    assert kinds <= set(BY)


def test_why_not_lists_what_did_not_change() -> None:
    graph = Graph([LIB, SERVICE], [Edge("service:s", "lib:a", "import", "x:1")])
    assert why_not(graph, "service:s") == "service s is not affected: nothing that it depends on changed: lib a."
    assert why_not(graph, "lib:a").endswith("it depends on nothing else here.")


def test_names_that_are_no_text_can_be_shown() -> None:
    line = chain_lines((Step(os.fsdecode(b"caf\xe9.py"), "added"),))[0]
    assert line.encode("utf-8").decode() == "  caf\ufffd.py  was added"
    assert shown("file:shop/a.py") == "shop/a.py"


def test_the_deepest_folder_owns_a_file() -> None:
    inner = Project("lib", "in", "libs/a/inner")
    owners = Owners([LIB, SERVICE, inner])
    assert owners.of("libs/a/x/y.py") == [LIB]
    assert owners.of("libs/a/inner/y.py") == [inner]
    assert owners.of("libs/a") == [LIB]
    assert owners.of("libs/ab/y.py") == owners.of("README.md") == []
    assert owners.below("libs") == [LIB, inner]
    assert Owners([Project("service", "all", "")]).of("x/y.py")[0].name == "all"


def test_a_file_may_stand_for_itself_and_for_the_folders_around_it() -> None:
    assert nodes_of("proto/v1/a.proto") == ["file:proto/v1/a.proto", "file:proto/v1/", "file:proto/"]
    assert nodes_of("a.txt") == ["file:a.txt"]
