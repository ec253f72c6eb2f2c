"""Small workspaces that tests draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decant_tools.workspace.model import Edge, EdgeKind, Finding, Graph, Project, file_node

FOLDERS = {"service": "services", "lib": "libs", "module": "shop"}


def project(node: str) -> Project:
    kind, _, name = node.partition(":")
    return Project(kind, name, f"{FOLDERS[kind]}/{name}")  # type: ignore[arg-type]


def graph(links: Mapping[str, Sequence[str]], kind: EdgeKind = "import", findings: Sequence[Finding] = ()) -> Graph:
    """Return a graph of projects: each with what it depends on; ``event lib:x`` names the kind of an edge."""
    edges = []
    for source, targets in links.items():
        for target in targets:
            *kinds, node = target.split()
            edges.append(Edge(source, node, kinds[0] if kinds else kind, f"{source.partition(':')[2]}/app.py:3"))  # type: ignore[arg-type]
    nodes = {*links, *(edge.target for edge in edges)}
    return Graph((project(node) for node in sorted(nodes)), sorted(edges), findings)


def plain() -> Graph:
    """Return three services that need two libs."""
    return graph({
        "service:orders": ["lib:common", "manifest lib:db"],
        "service:products": ["lib:common"],
        "service:users": ["lib:common", "copy lib:db"],
        "lib:db": ["lib:common"],
    })  # fmt: skip


def shop(hosts: Mapping[str, Sequence[str]]) -> Graph:
    """Return modules with files, and the services of a topology.

    ``orders`` calls ``catalog`` and hears ``payments``; ``payments`` hears ``orders``; ``web`` reaches ``orders`` through
    a file beside the modules.
    """
    names = ["catalog", "orders", "payments", "web"]
    files = {name: [file_node(f"shop/{name}/{each}.py") for each in ("__init__", "api", "service")] for name in names}
    beside = file_node("shop/messages.py")
    edges = [
        *(Edge(f"module:{name}", node, "holds", node.removeprefix("file:")) for name in names for node in files[name]),
        *(Edge(f"service:{host}", f"module:{name}", "hosts", "decant.toml") for host in hosts for name in hosts[host]),
        *(Edge(f"service:{host}", beside, "ships", "decant.toml") for host in hosts),
        Edge(files["orders"][2], files["catalog"][1], "contract", "shop/orders/service.py:4"),
        Edge(files["orders"][2], files["payments"][1], "event", "shop/orders/service.py:5"),
        Edge(files["payments"][2], files["orders"][1], "event", "shop/payments/service.py:2"),
        Edge(files["web"][2], beside, "import", "shop/web/service.py:1"),
        Edge(beside, files["orders"][1], "contract", "shop/messages.py:2"),
        Edge(files["web"][2], files["web"][1], "import", "shop/web/service.py:2"),
    ]
    modules = [project(f"module:{name}") for name in names]
    services = [Project("service", host, "shop", modules=tuple(hosts[host])) for host in hosts]
    return Graph(sorted([*modules, *services], key=lambda each: each.id), sorted(edges))
