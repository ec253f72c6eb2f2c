"""Assemble a service: the modules of a workspace, together in one Flask application or apart in several."""

from decant.service.factory import create_app, init_app
from decant.service.runtime import Runtime, runtime_of

__all__ = ["Runtime", "create_app", "init_app", "runtime_of"]
