import pytest

from decant.auth.principal import Principal, all_of, anyone, require_roles, require_scopes, require_user
from decant.context import NOBODY, Caller
from decant.errors import AuthenticationError, PermissionDeniedError, SetupError

ADA = Caller("ada", scopes=frozenset({"orders:read", "orders:write"}), roles=frozenset({"clerk"}))


def test_what_travels_is_the_subject_with_scopes_and_roles() -> None:
    principal = Principal("ada", ADA.scopes, ADA.roles, token_id="t1", session="s1")
    assert principal.caller() == ADA


@pytest.mark.parametrize(
    "guard",
    [
        require_user,
        require_scopes("orders:read"),
        require_scopes("orders:read", "orders:write"),
        require_roles("clerk", "admin"),
        all_of(require_scopes("orders:read"), require_roles("clerk")),
        all_of(),
    ],
)
def test_who_has_what_is_asked_for_is_let_in(guard: object) -> None:
    guard(ADA)  # type: ignore[operator]


@pytest.mark.parametrize("guard", [require_user, require_scopes("x"), require_roles("x"), all_of(require_user)])
def test_nobody_is_asked_to_sign_in(guard: object) -> None:
    with pytest.raises(AuthenticationError, match="missing"):
        guard(NOBODY)  # type: ignore[operator]


def test_whose_token_was_not_taken_is_told_why() -> None:
    with pytest.raises(AuthenticationError, match="has expired"):
        require_user(Caller(refused="The access token has expired."))


def test_a_guard_can_let_everybody_in() -> None:
    anyone(NOBODY)


def test_a_refusal_names_the_scopes_that_lack() -> None:
    with pytest.raises(PermissionDeniedError, match="the scope b, c"):
        require_scopes("orders:read", "c", "b")(ADA)


def test_a_refusal_names_the_roles_that_would_do() -> None:
    with pytest.raises(PermissionDeniedError, match="the role admin or owner"):
        require_roles("owner", "admin")(ADA)


def test_the_first_refusal_counts() -> None:
    with pytest.raises(PermissionDeniedError, match="scope"):
        all_of(require_scopes("x"), require_roles("x"))(ADA)


@pytest.mark.parametrize("make", [require_scopes, require_roles])
@pytest.mark.parametrize("names", [(), ("",), ("a", "")])
def test_a_guard_that_asks_for_nothing_is_a_mistake(make: object, names: tuple[str, ...]) -> None:
    with pytest.raises(SetupError):
        make(*names)  # type: ignore[operator]
