"""Keys change while requests run, and nobody who is signed in is refused (R27)."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

from decant import create_app
from decant.auth import KeyFolder, keyring, remote_keys
from decant.auth.compact import parse
from decant.service import runtime_of
from tests.support.served import serving
from tests.support.three_modules import write_shop
from tests.support.waiting import wait_until

GUARDED = """
    from decant import Module
    from decant.auth import require_user

    module = Module(__name__, guard=require_user)
"""
ROTATIONS = 2


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    # The same order of times as in production, a tenth as long.
    monkeypatch.setattr(keyring, "ANNOUNCE_S", 1.5)
    monkeypatch.setattr(keyring, "REREAD_S", 0.05)
    monkeypatch.setattr(remote_keys, "FETCH_AGAIN_S", 0.3)
    yield write_shop(tmp_path, {"catalog/__init__.py": GUARDED}) / "decant.toml"
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def test_keys_rotate_in_one_service_and_another_that_reads_its_key_set_refuses_nobody(
    config: Path, tmp_path: Path
) -> None:
    signer = create_app("catalog", "services", config, environ={"DECANT_HOME": str(tmp_path / "signer")})
    with serving(signer) as url:
        settings = {"DECANT_HOME": str(tmp_path / "reader"), "DECANT_AUTH_JWKS_URL": f"{url}/.well-known/jwks.json"}
        reader = create_app("catalog", "services", config, environ=settings)
        with serving(reader) as other:
            answers, signed_by = asked_while_rotating(signer, [url, other])
        runtime_of(reader).stop(1)
    runtime_of(signer).stop(1)
    assert len(signed_by) == 1 + ROTATIONS
    assert answers.keys() == {200}, answers


def asked_while_rotating(signer: Flask, urls: list[str]) -> tuple[Counter[int], set[str]]:
    """Ask every address with a new token each time while keys rotate; return the answers and who signed."""
    tokens, keys = runtime_of(signer).identity.tokens, runtime_of(signer).identity.keys
    assert isinstance(keys, KeyFolder)
    answers: Counter[int] = Counter()
    signed_by: set[str] = set()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            token = tokens.issue("ada")
            signed_by.add(parse(token).header["kid"])
            for url in urls:
                headers = {"Authorization": f"Bearer {token}"}
                answers[requests.get(f"{url}/api/products/p1", headers=headers, timeout=5).status_code] += 1

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for kid in (keys.rotate().kid for _ in range(ROTATIONS)):
            wait_until(lambda kid=kid: kid in signed_by, within_s=20, what="the new key to sign")
    finally:
        over.set()
        for thread in threads:
            thread.join(10)
    return answers, signed_by
