"""Who asks, in one service: keys, tokens and their stores, each made when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from decant.auth.keyring import KeyFolder, Keyring, Keys, PublicKeys, open_keyring
from decant.auth.limits import FailureStore, LoginLimit, SqliteFailures
from decant.auth.passwords import Passwords
from decant.auth.principal import Principal
from decant.auth.redis_failures import RedisFailures
from decant.auth.redis_refresh import RedisRefreshStore
from decant.auth.redis_revocations import RedisRevocations
from decant.auth.refresh import RefreshStore, RefreshTokens, SqliteRefreshStore
from decant.auth.remote_keys import RemoteKeys
from decant.auth.revocation import Revocations, RevocationStore, SqliteRevocations
from decant.auth.sign_out import SignOut
from decant.auth.tokens import LEEWAY_S, AccessTokens
from decant.clock import Clock, SystemClock
from decant.context import NOBODY, Caller, current
from decant.errors import AuthenticationError, SettingsError, Unavailable
from decant.settings import AuthSettings, Urls

_BEARER = "bearer "


Store = TypeVar("Store", RevocationStore, FailureStore, RefreshStore)


class Identity:
    """Turns the ``Authorization`` header of a request into its caller, and holds what signing in needs.

    Making it does nothing: keys are opened and stores are reached when they are first used, so a service that knows
    no users needs neither. Stores are in Redis where ``REDIS_URL`` is set, and in ``DECANT_HOME/sign-ins.sqlite3``
    otherwise.

    Args:
        settings: How access tokens are issued and verified.
        urls: Holds ``REDIS_URL`` and ``JWT_SECRET_KEY``.
        workspace: The default issuer and audience; keys in Redis begin with it.
        home: ``DECANT_HOME``.
        production: Whether a key must be given: outside of production one is made in ``home``.
        clock: Tells the time.

    Thread-safety: share it freely.

    Example:
        ``Kit(app, identify=Identity(workspace="shop", home=Path(".decant")).identify)`` in any Flask application.
    """

    def __init__(
        self,
        settings: AuthSettings | None = None,
        *,
        workspace: str,
        home: Path,
        urls: Urls | None = None,
        production: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings or AuthSettings()
        self._urls = urls or Urls()
        self._workspace = workspace
        self._home = home
        self._production = production
        self._clock = clock or SystemClock()
        self._opened: list[RevocationStore | FailureStore | RefreshStore] = []

    @property
    def configured(self) -> bool:
        """Whether the settings name a key."""
        settings = self._settings
        return bool(settings.signing_key or settings.verifying_keys or settings.jwks_url or self._urls.jwt_secret_key)

    def open(self) -> None:
        """Open the keys now, so that what is wrong with the settings is told at the start.

        Raises:
            SettingsError: When the settings name no key in production, or several kinds at once.
            SetupError: For a key that is unfit or cannot be read, or an address that is none.
        """
        _ = self.tokens

    @cached_property
    def keys(self) -> Keys:
        """The keys that access tokens are verified with, and signed where one of them can."""
        settings, secret = self._settings, self._urls.jwt_secret_key
        if settings.jwks_url is not None:
            if settings.signing_key or settings.verifying_keys or secret:
                raise SettingsError(
                    ["jwks_url is for a service that only verifies, and a key is given beside it: unset one of them."]
                )
            return RemoteKeys(settings.jwks_url, clock=self._clock)
        return open_keyring(
            secret=secret.get_secret_value() if secret else None,
            signing_key=settings.signing_key.get_secret_value() if settings.signing_key else None,
            verifying_keys=settings.verifying_keys,
            home=None if self._production else self._home,
            # A token may be issued and taken a leeway late each.
            keep_s=settings.lifetime_s + 2 * LEEWAY_S,
        )

    @cached_property
    def tokens(self) -> AccessTokens:
        """Verifies access tokens, and issues them where the keys can sign."""
        settings = self._settings
        return AccessTokens(
            self.keys,
            Revocations(self._store(RedisRevocations, SqliteRevocations), self._clock),
            issuer=settings.issuer or self._workspace,
            audience=settings.audience or self._workspace,
            lifetime_s=settings.lifetime_s,
            clock=self._clock,
        )

    @cached_property
    def refresh(self) -> RefreshTokens:
        """Refresh tokens; one that is used twice revokes the access tokens of its sign-in, too."""
        return RefreshTokens(
            self._store(RedisRefreshStore, SqliteRefreshStore),
            on_reuse=lambda entry: self.tokens.revoke_session(entry.family),
            clock=self._clock,
        )

    @cached_property
    def limit(self) -> LoginLimit:
        """How often a sign-in may fail."""
        return LoginLimit(self._store(RedisFailures, SqliteFailures), clock=self._clock)

    @cached_property
    def passwords(self) -> Passwords:
        """Passwords, with one bound for the whole process."""
        return Passwords()

    @cached_property
    def sign_out(self) -> SignOut:
        """Ends sign-ins."""
        return SignOut(self.tokens, self.refresh)

    def identify(self, authorization: str | None, reading: bool) -> Caller:
        """Return who asks. A token that is not taken fails no request by itself: its caller is nobody, with the reason.

        Args:
            authorization: The request's ``Authorization`` header; other schemes than Bearer are left to others.
            reading: Whether the request changes nothing: then it goes on while the store of revocations is down, and
                its caller is ``unconfirmed``: operations that change something refuse it.

        Raises:
            Unavailable: When nobody can tell whether the token is good: the store of revocations does not answer
                and the request may change something, or the keys of another service cannot be read.
        """
        if authorization is None or authorization[:7].lower() != _BEARER:
            return NOBODY
        token = authorization[7:].strip(" ")
        try:
            try:
                return self.tokens.verify(token).caller()
            except Unavailable:
                if not reading:
                    raise
                return self.tokens.verify(token, reading=True).caller(unconfirmed=True)
        except AuthenticationError as error:
            return Caller(refused=error.detail)

    def principal(self) -> Principal:
        """Return whom the access token of the call that runs now speaks for.

        Raises:
            AuthenticationError: When nobody is signed in; it says why a token that came along was not taken.
        """
        context = current.get()
        if context.caller.subject is None:
            raise AuthenticationError(context.caller.refused or "The access token is missing.")
        # The request was let in: a store that went down since then does not stop it half-way.
        return self.tokens.verify_header(context.authorization, reading=True)

    def jwks(self) -> dict[str, Any] | None:
        """Return the public keys as a JWK set; None for a shared secret, and for another service's keys."""
        keys = self.keys
        found = keys.jwks() if isinstance(keys, Keyring | KeyFolder | PublicKeys) else None
        return found if found and found["keys"] else None

    def close(self) -> None:
        """Close the connections to the stores; they are opened again when they are needed."""
        for store in self._opened:
            store.close()

    def _store(self, in_redis: Callable[..., Store], in_file: Callable[[Path], Store]) -> Store:
        url = self._urls.redis_url
        if url is None:
            store = in_file(self._home / "sign-ins.sqlite3")  # no module's database: none can have a hyphen
        else:
            store = in_redis(url, prefix=f"decant:{self._workspace}:")
        self._opened.append(store)
        return store
