"""Modules: packages with their own routes, templates, static files and commands, on plain Flask blueprints.

A :class:`Module` is one bounded context, ready to run together with others or by itself. A
:class:`MicroServicesApp` is the small thing: a Flask application made of a folder of blueprints.
"""

from decant.modules.discovery import load_modules
from decant.modules.errors import (
    ForeignEndpointError,
    ForeignTemplateError,
    InvalidModulePath,
    InvalidURLFunction,
    InvalidURLName,
    InvalidURLPattern,
    InvalidURLRule,
    UnspecifiedURLMethods,
)
from decant.modules.guard import install_endpoint_guard
from decant.modules.manifest import Route, check_clashes, manifest
from decant.modules.module import Module, ModuleGroup, Provided
from decant.modules.naming import RESERVED
from decant.modules.order import in_dependency_order
from decant.modules.plugin import MicroServicesApp
from decant.modules.routing import Router, Url, url
from decant.modules.scope import current_scope, use_scope
from decant.modules.static import install_static
from decant.modules.templates import install_templates

__all__ = [
    "RESERVED",
    "ForeignEndpointError",
    "ForeignTemplateError",
    "InvalidModulePath",
    "InvalidURLFunction",
    "InvalidURLName",
    "InvalidURLPattern",
    "InvalidURLRule",
    "MicroServicesApp",
    "Module",
    "ModuleGroup",
    "Provided",
    "Route",
    "Router",
    "UnspecifiedURLMethods",
    "Url",
    "check_clashes",
    "current_scope",
    "in_dependency_order",
    "install_endpoint_guard",
    "install_static",
    "install_templates",
    "load_modules",
    "manifest",
    "url",
    "use_scope",
]
