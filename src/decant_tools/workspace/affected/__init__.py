"""Which projects a change affects, and why each of them.

A changed file enters the graph at the projects that it belongs to, and everything that depends on those is affected:
on the graph as it is and on the one as it was. Where something is not known, everything is selected, and it is said.
"""

from decant_tools.workspace.affected.select import affected
from decant_tools.workspace.affected.selection import Fallback, Selected, Selection, Step

__all__ = ["Fallback", "Selected", "Selection", "Step", "affected"]
