"""Decorators note what was said, and refuse what cannot be meant."""

from __future__ import annotations

import pytest

from decant.errors import SetupError
from decant.http import Declaration, declaration_of, delete, get, operation, patch, post, put


def plain() -> None: ...


@pytest.mark.parametrize(
    ("decorator", "method"), [(get, "GET"), (post, "POST"), (put, "PUT"), (patch, "PATCH"), (delete, "DELETE")]
)
def test_each_decorator_notes_its_method_and_path(decorator, method) -> None:
    @decorator("/books/<key>", public=True, tags=("books",))
    def books(key: str) -> None: ...

    expected = Declaration(method=method, rule="/books/<key>", public=True, tags=("books",))
    assert declaration_of(books) == expected


def test_a_decorated_function_is_still_the_same_function() -> None:
    def books() -> str:
        return "books"

    assert get("/books")(books) is books
    assert books() == "books"


def test_operation_works_bare_and_with_options() -> None:
    @operation
    def one() -> None: ...

    @operation(status=202, etag=True)
    def two() -> None: ...

    assert declaration_of(one) == Declaration()
    assert declaration_of(two) == Declaration(status=202, etag=True)


def test_a_plain_function_has_no_declaration() -> None:
    assert declaration_of(plain) is None


def test_an_async_operation_is_refused_with_the_reason() -> None:
    with pytest.raises(SetupError, match=r"async def[\s\S]*plain async view works"):

        @operation
        async def books() -> None: ...


def test_an_async_generator_is_refused_too() -> None:
    with pytest.raises(SetupError, match="async def"):

        @get("/books")
        async def books():
            yield 1


def test_a_path_without_slash_is_refused() -> None:
    with pytest.raises(SetupError, match="Write '/books'"):
        get("books")


@pytest.mark.parametrize("status", [199, 300, 404])
def test_a_status_that_is_no_success_is_refused(status) -> None:
    with pytest.raises(SetupError, match="not a success"):
        get("/books", status=status)


def test_the_package_exports_the_decorator_and_not_a_module_of_its_name() -> None:
    import decant.http

    assert decant.http.operation is operation
