"""The shop that runs: its public address, its payment provider, its keys, and where it keeps its data."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import pytest
import requests

from decant.auth import AccessTokens, Keyring, MemoryRevocations, Revocations, generate_key, key_from_pem
from decant.clock import Clock, SystemClock
from decant.testing import RunningTopology, Variant, run_topology
from tests.acceptance.running import STORE, copy_workspace, free_port, service_key
from tests.support import shop_books
from tests.support.payment_provider import PaymentProvider, payment_provider
from tests.support.servers import WHERE, mariadb_database, postgres_database

ON_SQLITE = ("monolith/direct", "monolith/strict", "services")
SLOW = pytest.mark.slow
EVERY_DATABASE = (
    *ON_SQLITE,
    pytest.param("monolith/direct+postgres", marks=pytest.mark.postgres),
    pytest.param("services+postgres", marks=(pytest.mark.postgres, SLOW)),
    pytest.param("monolith/direct+mariadb", marks=(pytest.mark.mariadb, SLOW)),
    pytest.param("services+mariadb", marks=(pytest.mark.mariadb, SLOW)),
    pytest.param("services+redis", marks=(pytest.mark.redis, SLOW)),
)
GROUPED = pytest.param("peak", marks=SLOW)
"""Some modules together, others apart."""
PATIENCE_S = 20.0
STARTS_S = 300
"""A test may be the first one of a session, for which the shop is started."""

UNDER_FAULTS = (pytest.param("services~latency", marks=SLOW), pytest.param("services~chaos", marks=SLOW))


@dataclass(frozen=True)
class Setting:
    """What a shop is given before it starts."""

    root: Path
    name: str
    env: dict[str, str]
    provider: PaymentProvider


@dataclass(frozen=True)
class Store:
    """A shop that runs.

    Attributes:
        setting: What it was given.
        running: Its processes.
        stock: What was there before the first order; empty where the data is on a server.
    """

    setting: Setting
    running: RunningTopology
    stock: dict[str, int] = field(default_factory=dict)

    def tokens(self, signing_key: str = "", clock: Clock | None = None) -> AccessTokens:
        """Return what issues the shop's own access tokens, or those of somebody else's key."""
        keys = Keyring(key_from_pem(signing_key or self.setting.env["DECANT_AUTH_SIGNING_KEY"], "a key"))
        name = self.setting.name
        return AccessTokens(
            keys, Revocations(MemoryRevocations()), issuer=name, audience=name, clock=clock or SystemClock()
        )


@contextmanager
def store_setting(variant: Variant, folder: Path) -> Iterator[Setting]:
    """Prepare what a shop needs: keys, a payment provider, a database server's empty database where one is wanted.

    Args:
        variant: What is to run.
        folder: For the provider's ledger, and for a copy of the workspace where its name must be its own.
    """
    with ExitStack() as stack:
        provider = stack.enter_context(payment_provider(folder, free_port()))
        env = {
            "DECANT_ENV": "production",
            "DECANT_SERVICE_KEY": service_key(),
            "DECANT_AUTH_SIGNING_KEY": generate_key().decode(),
            "DECANT_AUTH_COOKIE_KEY": secrets.token_hex(32),
            "PROVIDER_SERVICE_URL": provider.url,
            **provider.settings,
        }
        root, name = STORE, "store"
        if variant.data == "postgres":
            env["DATABASE_URL"] = stack.enter_context(postgres_database())
        elif variant.data == "mariadb":
            env["DATABASE_URL"] = stack.enter_context(mariadb_database())
        elif variant.data == "redis":  # so that nothing in a shared Redis is another run's
            name = f"store-{secrets.token_hex(4)}"
            root = copy_workspace(STORE, folder / "workspace", variant.topology)
            (config := root / "decant.toml").write_text(config.read_text().replace('"store"', f'"{name}"', 1))
            env["REDIS_URL"] = env["CART_REDIS_URL"] = f"redis://{WHERE['redis']()}/15"
            env["CART_REDIS_PREFIX"] = f"{name}:cart:"
        yield Setting(root, name, env, provider)


@contextmanager
def open_store(variant: Variant, folder: Path) -> Iterator[Store]:
    """Run a shop for as long as the block, apart from the one that all tests of a session share."""
    with store_setting(variant, folder) as setting, run_topology(
        setting.root, folder / "home", variant, env=setting.env, inherit=False
    ) as running:  # fmt: skip
        yield opened(setting, running)


def opened(setting: Setting, running: RunningTopology) -> Store:
    return Store(setting, running, shop_books.stock(running.home) if not running.variant.data else {})


def patiently(ask: Callable[[], requests.Response]) -> requests.Response:
    """Ask again, as is asked for, while there is too much to do for this: a burst on a busy machine is no finding."""
    ends = monotonic() + PATIENCE_S
    while True:
        answer = ask()
        if answer.status_code != 503 or '"code":"overloaded"' not in answer.text.replace(" ", "") or monotonic() > ends:
            return answer
        sleep(min(1.0, float(answer.headers["Retry-After"])))
