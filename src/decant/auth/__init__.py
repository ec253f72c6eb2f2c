"""Who asks: passwords, access tokens of users, and tokens between services."""

from decant.auth.audit import Attempt, audited
from decant.auth.identity import Identity
from decant.auth.keyring import KeyFolder, Keyring, Keys, PublicKeys, open_keyring
from decant.auth.keys import generate_key, load_or_create_key, parse_key
from decant.auth.limits import FailureStore, LoginLimit, MemoryFailures, SqliteFailures, TooManyAttempts
from decant.auth.passwords import Passwords, SignInBusy
from decant.auth.principal import Principal, all_of, anyone, require_roles, require_scopes, require_user
from decant.auth.redis_failures import RedisFailures
from decant.auth.redis_refresh import RedisRefreshStore
from decant.auth.redis_revocations import RedisRevocations
from decant.auth.refresh import Refreshed, RefreshEntry, RefreshStore, RefreshTokens, SqliteRefreshStore
from decant.auth.remote_keys import RemoteKeys
from decant.auth.revocation import MemoryRevocations, Revocations, RevocationStore, SqliteRevocations
from decant.auth.service_tokens import ServiceTokens
from decant.auth.sign_out import SignOut
from decant.auth.signing import Key, key_from_jwk, key_from_pem, key_from_secret
from decant.auth.tokens import AccessTokens
from decant.context import Guard

__all__ = [
    "AccessTokens",
    "Attempt",
    "FailureStore",
    "Guard",
    "Identity",
    "Key",
    "KeyFolder",
    "Keyring",
    "Keys",
    "LoginLimit",
    "MemoryFailures",
    "MemoryRevocations",
    "Passwords",
    "Principal",
    "PublicKeys",
    "RedisFailures",
    "RedisRefreshStore",
    "RedisRevocations",
    "RefreshEntry",
    "RefreshStore",
    "RefreshTokens",
    "Refreshed",
    "RemoteKeys",
    "RevocationStore",
    "Revocations",
    "ServiceTokens",
    "SignInBusy",
    "SignOut",
    "SqliteFailures",
    "SqliteRefreshStore",
    "SqliteRevocations",
    "TooManyAttempts",
    "all_of",
    "anyone",
    "audited",
    "generate_key",
    "key_from_jwk",
    "key_from_pem",
    "key_from_secret",
    "load_or_create_key",
    "open_keyring",
    "parse_key",
    "require_roles",
    "require_scopes",
    "require_user",
]
