"""Checks of a source tree that nothing has to run for: imports, layers, cycles, exports, sizes."""

from decant_tools.check.cycles import cycle_violations, find_cycles
from decant_tools.check.exports import export_violations
from decant_tools.check.imports import Import, ImportGraph, read_imports
from decant_tools.check.layers import Layer, Layers, forbidden_violations, layer_violations, parse_layers
from decant_tools.check.picture import mermaid
from decant_tools.check.sizes import Function, Limits, Sizes, measure, noted_files, size_violations
from decant_tools.check.violations import Violation, report

__all__ = [
    "Function",
    "Import",
    "ImportGraph",
    "Layer",
    "Layers",
    "Limits",
    "Sizes",
    "Violation",
    "cycle_violations",
    "export_violations",
    "find_cycles",
    "forbidden_violations",
    "layer_violations",
    "measure",
    "mermaid",
    "noted_files",
    "parse_layers",
    "read_imports",
    "report",
    "size_violations",
]
