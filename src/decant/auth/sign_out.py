"""Signing out: access tokens and refresh tokens end together."""

from __future__ import annotations

from decant.auth.principal import Principal
from decant.auth.refresh import RefreshTokens
from decant.auth.tokens import AccessTokens


class SignOut:
    """Ends sign-ins, so that neither an access token nor a refresh token of them is taken any more.

    Refresh tokens end first: no new access token can come of one after those that exist were revoked. When a store is
    down in between, doing it again does the rest.

    Args:
        tokens: The access tokens.
        refresh: The refresh tokens.

    Thread-safety: share it freely.
    """

    def __init__(self, tokens: AccessTokens, refresh: RefreshTokens) -> None:
        self._tokens = tokens
        self._refresh = refresh

    def here(self, principal: Principal) -> None:
        """End one sign-in: this access token, and whatever shares its session.

        Raises:
            Unavailable: When a store is down.
        """
        if principal.session is not None:
            self._refresh.end_family(principal.session)
        self._tokens.revoke(principal)

    def everywhere(self, subject: str) -> None:
        """End every sign-in of a user, on every device.

        Raises:
            Unavailable: When a store is down.
        """
        families = self._refresh.end_all(subject)
        self._tokens.revoke_all(subject)
        for family in families:  # a token that a refresh is about to issue is of a moment after this one
            self._tokens.revoke_session(family)
