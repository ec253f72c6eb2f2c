import multiprocessing
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from decant.auth import generate_key, load_or_create_key, parse_key
from decant.auth.keys import load_or_create_secret
from decant.errors import SetupError


def public(path: Path) -> bytes:
    return load_or_create_key(path).public_key().public_bytes_raw()


def test_the_key_is_made_once(tmp_path: Path) -> None:
    assert public(tmp_path / "service.pem") == public(tmp_path / "service.pem")


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "keys" / "service.pem")
    assert stat.S_IMODE((tmp_path / "keys" / "service.pem").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["service.pem"]


def _ask(path: Path, answers: "multiprocessing.SimpleQueue[bytes]") -> None:
    answers.put(public(path))


def test_processes_that_race_for_it_all_get_the_same(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.SimpleQueue()
    processes = [spawn.Process(target=_ask, args=(tmp_path / "service.pem", answers)) for _ in range(4)]
    for process in processes:
        process.start()
    keys = {answers.get() for _ in processes}
    for process in processes:
        process.join()
    assert len(keys) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "service.pem"
    load_or_create_key(path)
    path.chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        load_or_create_key(path)


def test_a_folder_that_cannot_be_written_is_a_set_up_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="DECANT_HOME"):
        load_or_create_key(tmp_path / "file" / "service.pem")


def test_a_given_key_is_read() -> None:
    pem = generate_key()
    assert parse_key(pem.decode()).private_bytes_raw() == parse_key(pem).private_bytes_raw()


def _other_kind() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("pem", [b"", b"secret words", "püblic", _other_kind()])
def test_what_is_no_ed25519_key_is_refused_without_repeating_it(pem: bytes | str) -> None:
    with pytest.raises(SetupError, match=r"DECANT_KEY is not") as caught:
        parse_key(pem, "DECANT_KEY")
    assert "secret" not in str(caught.value)


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "cookies.key"
    secret = load_or_create_secret(path)
    assert load_or_create_secret(path) == secret
    assert len(secret) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cookies.key"
    load_or_create_secret(path)
    path.chmod(0o640)
    with pytest.raises(SetupError, match="chmod 600"):
        load_or_create_secret(path)
