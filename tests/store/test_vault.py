"""Secrets at rest: sealed for their owner, readable with the key, altered by nobody."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.store.storage.vault import Vault, VaultError, open_vault

OWNER = "definition/7"
SECRETS = {"password": "correct horse", "ключ": "🗝\n"}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path / "secret.key")


def test_what_is_sealed_is_opened_again(vault):
    assert vault.unseal(OWNER, vault.seal(OWNER, SECRETS)) == SECRETS


def test_nothing_needs_no_seal(vault):
    assert vault.seal(OWNER, {}) is None
    assert vault.unseal(OWNER, None) == {}


def test_no_plain_text_is_in_a_sealed_map(vault):
    sealed = vault.seal(OWNER, SECRETS)
    assert b"correct horse" not in sealed
    assert b"password" not in sealed
    assert sealed != vault.seal(OWNER, SECRETS)  # a nonce of its own each time


def test_another_owner_cannot_open_it(vault):
    with pytest.raises(VaultError, match="definition/8"):
        vault.unseal("definition/8", vault.seal(OWNER, SECRETS))


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_every_altered_bit_is_noticed(position, bit):
    vault = Vault([b"k" * 32])
    sealed = bytearray(vault.seal(OWNER, SECRETS))
    sealed[position % len(sealed)] ^= 1 << bit
    with pytest.raises(VaultError):
        vault.unseal(OWNER, bytes(sealed))


@given(length=st.integers(0, 40))
def test_a_truncated_map_is_noticed(length):
    vault = Vault([b"k" * 32])
    with pytest.raises(VaultError):
        vault.unseal(OWNER, vault.seal(OWNER, SECRETS)[:length])


def test_errors_and_repr_hold_no_secret(vault):
    with pytest.raises(VaultError) as caught:
        vault.unseal(OWNER, vault.seal("another", SECRETS))
    assert "correct horse" not in f"{caught.value!r} {vault!r}"


def test_the_key_file_is_for_its_owner_alone_and_stays(tmp_path):
    file = tmp_path / "home" / "secret.key"
    first = open_vault(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert open_vault(file).unseal(OWNER, first.seal(OWNER, SECRETS)) == SECRETS
    assert [entry.name for entry in file.parent.iterdir()] == ["secret.key"]


def test_an_older_key_still_opens_and_asks_to_be_renewed(tmp_path):
    file = tmp_path / "secret.key"
    old = open_vault(file)
    sealed = old.seal(OWNER, SECRETS)
    new_key = (tmp_path / "other.key", open_vault(tmp_path / "other.key"))[0].read_text()
    file.write_text(new_key + file.read_text())
    rotated = open_vault(file)
    assert rotated.unseal(OWNER, sealed) == SECRETS
    assert not sealed.startswith(rotated.mark)
    assert rotated.seal(OWNER, SECRETS).startswith(rotated.mark)


def test_a_missing_key_is_named_as_such(tmp_path):
    sealed = open_vault(tmp_path / "one.key").seal(OWNER, SECRETS)
    with pytest.raises(VaultError, match="not in the key file"):
        open_vault(tmp_path / "two.key").unseal(OWNER, sealed)


@pytest.mark.parametrize("content", ["", "no base64!", "c2hvcnQ=", "ä"])
def test_an_unusable_key_file_is_refused(tmp_path, content):
    file = tmp_path / "secret.key"
    file.write_text(content)
    with pytest.raises(VaultError, match="key file"):
        open_vault(file)


def test_a_key_file_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultError, match="cannot be created"):
        open_vault(tmp_path / "file" / "secret.key")
