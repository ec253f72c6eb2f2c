"""A version for each service and lib: read from tags, raised by what the commits say, written down and tagged."""

from decant_tools.workspace.release.build import Built, build_project, version_of
from decant_tools.workspace.release.plan import Step, next_versions, plan_release
from decant_tools.workspace.release.publish import (
    Published,
    check_depth,
    check_readable,
    check_ready,
    open_for_versions,
    publish,
)
from decant_tools.workspace.release.standing import Standing, choose, standings

__all__ = [
    "Built",
    "Published",
    "Standing",
    "Step",
    "build_project",
    "check_depth",
    "check_readable",
    "check_ready",
    "choose",
    "next_versions",
    "open_for_versions",
    "plan_release",
    "publish",
    "standings",
    "version_of",
]
