"""What is known of a workspace once its projects were found."""

from __future__ import annotations

from typing import NamedTuple

from decant_tools.workspace.discover.config import Config
from decant_tools.workspace.model import Finding, Project


class Discovery(NamedTuple):
    """The projects of a workspace, and what ``decant.toml`` says about them.

    Attributes:
        projects: Sorted by id.
        config: The tables that concern the workspace tool.
        findings: What a person should know; what is wrong in ``decant.toml`` has the code ``decant-toml``.
        package: The dotted package that holds modules, "" where there is none.
        package_path: Its folder, or "".
        modules: The modules' names, sorted.
    """

    projects: tuple[Project, ...]
    config: Config = Config()
    findings: tuple[Finding, ...] = ()
    package: str = ""
    package_path: str = ""
    modules: tuple[str, ...] = ()
