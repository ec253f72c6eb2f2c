"""Exactly what one project needs of a workspace: for an image, or to be worked on alone."""

from decant_tools.workspace.prune.output import check_output, copy_files, ignore_output, write_pruned
from decant_tools.workspace.prune.select import Pruned, prune_project

__all__ = ["Pruned", "check_output", "copy_files", "ignore_output", "prune_project", "write_pruned"]
