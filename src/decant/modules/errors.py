"""What can be wrong with a route table, a folder of modules, or a reach into another module.

The first six are the plugin-compatible ones: they derive from :class:`Exception` alone, and their
messages carry the offending value.
"""

from __future__ import annotations

from jinja2 import TemplateNotFound

from decant.errors import SetupError


class InvalidURLRule(Exception):
    """The rule of a ``url()`` is not a non-empty string."""


class InvalidURLFunction(Exception):
    """The view of a ``url()`` cannot be called."""


class InvalidURLName(Exception):
    """The name of a ``url()`` is neither None nor a non-empty string."""


class UnspecifiedURLMethods(Exception):
    """The methods of a ``url()`` are not a list with at least one entry."""


class InvalidURLPattern(Exception):
    """Something in ``urlpatterns`` was not made by ``url()``."""


class InvalidModulePath(Exception):
    """The folder that should hold the modules does not exist."""


class ForeignTemplateError(SetupError, TemplateNotFound):
    """Strict mode: a template was asked for that only another module has.

    It is also a :class:`jinja2.TemplateNotFound`, so that ``ignore missing`` and lists of
    alternatives answer here as they do where the other module runs elsewhere.

    Args:
        template: The name that was asked for.
        asker: The module whose view runs, or None outside every module.
        owner: The module that has the template.
    """

    def __init__(self, template: str, asker: str | None, owner: str) -> None:
        super().__init__(
            f"{_who(asker)} asks for the template {template!r}, which belongs to the module {owner!r}.",
            hint="It would be missing once they run apart. Move it to the workspace's shared templates/ folder, "
            f"copy it, or let {owner!r} render it.",
        )
        self.name = template
        self.templates = [template]


class ForeignEndpointError(SetupError):
    """Strict mode: a link was built to a view or a static file of another module.

    Args:
        target: What was linked to, for instance ``the endpoint 'orders.show'``.
        asker: The module whose view runs, or None outside every module.
        owner: The module that has the target.
        hint: What to do instead.
    """

    def __init__(self, target: str, asker: str | None, owner: str, *, hint: str) -> None:
        super().__init__(f"{_who(asker)} links to {target}, which belongs to the module {owner!r}.", hint=hint)


def _who(asker: str | None) -> str:
    return f"The module {asker!r}" if asker else "Code outside every module"
