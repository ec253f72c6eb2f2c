"""Django-style route tables: ``urlpatterns = [url("/", views.home, name="home")]``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from flask import Blueprint, render_template

from decant.modules.errors import (
    InvalidURLFunction,
    InvalidURLName,
    InvalidURLPattern,
    InvalidURLRule,
    UnspecifiedURLMethods,
)
from decant.modules.scope import use_scope


class Url(NamedTuple):
    """One entry of a route table. Make it with :func:`url`, which checks it."""

    rule: str
    name: str | None
    view_func: Callable[..., Any]
    methods: list[str]


def url(
    rule: str,
    view_func: Callable[..., Any],
    name: str | None = None,
    methods: list[str] = ["GET"],  # noqa: B006 - copied below; None is a wrong value here, not "the default"
) -> Url:
    """Describe a route.

    Args:
        rule: The path, with Flask's converters: ``/products/<int:product_id>``.
        view_func: The view.
        name: The endpoint within the module, by default the view function's own name: the view ``home``
            of the module ``admin`` is ``url_for("admin.home")``.
        methods: The HTTP methods, as a list.

    Raises:
        InvalidURLRule: When the rule is not a non-empty string. The checks run in this order.
        InvalidURLFunction: When the view cannot be called.
        InvalidURLName: When the name is neither None nor a non-empty string.
        UnspecifiedURLMethods: When the methods are not a list with at least one entry.
    """
    if not _is_text(rule):
        raise InvalidURLRule(f"The rule of a url() must be a non-empty string, for instance '/shop/', not {rule!r}.")
    if not callable(view_func):
        raise InvalidURLFunction(f"The view of url({rule!r}) must be callable, not {view_func!r}.")
    if name is not None and not _is_text(name):
        raise InvalidURLName(f"The name of url({rule!r}) must be None or a non-empty string, not {name!r}.")
    if not _is_filled_list(methods):
        raise UnspecifiedURLMethods(
            f"The methods of url({rule!r}) must be a list with at least one method, for instance ['GET'], "
            f"not {methods!r}."
        )
    return Url(rule, name, view_func, list(methods))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_filled_list(value: object) -> bool:
    return isinstance(value, list) and any(value)


class Router(Blueprint):
    """A blueprint that takes a Django-style route table."""

    @classmethod
    def create_blueprint(cls, module_name: str, import_name: str) -> Self:
        """Return a blueprint with a module's conventional folders.

        Args:
            module_name: Names the blueprint, and with it the endpoints: ``url_for("<module_name>.home")``.
            import_name: The module's ``__name__``; its folders ``static`` (at ``/static_<module_name>``) and
                ``templates`` are looked for beside it.
        """
        return cls(
            module_name,
            import_name,
            static_folder="static",
            template_folder="templates",
            static_url_path=f"/static_{module_name}",
        )

    def register_urls(self, urls: Iterable[Url]) -> None:
        """Add every route of a table, in its order.

        Raises:
            InvalidURLPattern: For an entry that did not come from :func:`url`; the entries before it stay.
            InvalidURLName: For a view without a name of its own, such as a partial, that was given none.
        """
        table: object = urls
        if not isinstance(table, Iterable) or isinstance(table, str | Url):
            raise InvalidURLPattern(
                f"The urlpatterns of the module {self.name!r} are {urls!r}, not a list of url() entries."
            )
        for entry in urls:
            self._register_url(entry)

    def _register_url(self, entry: Url) -> None:
        if not isinstance(entry, Url):
            raise InvalidURLPattern(
                f"The urlpatterns of the module {self.name!r} hold {entry!r}, which was not made by url()."
            )
        if entry.name is None and not hasattr(entry.view_func, "__name__"):
            raise InvalidURLName(
                f"The view of url({entry.rule!r}), {entry.view_func!r}, has no name of its own: pass url(…, name=…)."
            )
        methods = [method for method in entry.methods if method]
        self.add_url_rule(entry.rule, endpoint=entry.name, view_func=entry.view_func, methods=methods)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Run a block as this module's code, so that its templates are found outside its views."""
        with use_scope(self.name):
            yield

    def render(self, template: str, /, **context: Any) -> str:
        """Render one of this module's templates anywhere in an application context: a mail, a command, a job."""
        with self.scope():
            return render_template(template, **context)
