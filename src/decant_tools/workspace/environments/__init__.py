"""One virtual environment per project, made of what it asks for and shared by all that ask for the same.

It lies in ``DECANT_HOME/workspace/environments``. Libs of the workspace are in it: those with a manifest are installed
editable, all others are put on the path. Where packages come from is what the user has set up for pip or uv.
"""

from decant_tools.workspace.environments.environment import Environment, environment_for, environment_key
from decant_tools.workspace.environments.wishes import Purpose, lint_tools

__all__ = ["Environment", "Purpose", "environment_for", "environment_key", "lint_tools"]
