"""From what each file says to the graph of a workspace: who depends on what, and what a person should know."""

from decant_tools.workspace.assemble.building import build_graph

__all__ = ["build_graph"]
