"""Secrets at rest: maps of names to values, sealed with AES-256-GCM for one owner.

A sealed map is `version (1) | key id (4) | nonce (12) | ciphertext and tag`. The owner (for
example `definition/7`) is bound in as associated data: a sealed map copied to another row cannot
be opened there. New maps are sealed with the first key; the others open what older keys sealed.
"""

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = b"\x01"
KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
HEADER_BYTES = len(VERSION) + KEY_ID_BYTES + NONCE_BYTES

_decoder = msgspec.json.Decoder(dict[str, str])


class VaultError(Exception):
    """A sealed map cannot be opened, or the key file cannot be used. Never holds a secret."""


class Vault:
    """Seals and opens with keys held in memory; made by `open_vault`."""

    def __init__(self, keys: list[bytes], path: Path | None = None) -> None:
        """`path` is the file that the keys are from: it is read again for a key that is new."""
        self._keys = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])
        self._path = path

    def __repr__(self) -> str:
        return f"Vault(keys={len(self._keys)})"

    def seal(self, owner: str, secrets: Mapping[str, str]) -> bytes | None:
        """The sealed map; None for an empty one, so that nothing needs no key."""
        if not secrets:
            return None
        nonce = os.urandom(NONCE_BYTES)
        header = VERSION + self._current + nonce
        body = msgspec.json.encode(dict(secrets))
        return header + self._keys[self._current].encrypt(nonce, body, _bound(header, owner))

    def unseal(self, owner: str, sealed: bytes | None) -> dict[str, str]:
        """The map again; VaultError when the key is missing, or owner or bytes are not the same."""
        if sealed is None:
            return {}
        header, body = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
        cipher = self._cipher(header[len(VERSION) : len(VERSION) + KEY_ID_BYTES])
        if not header.startswith(VERSION) or cipher is None:
            raise VaultError(
                f"The secrets of {owner} were sealed with a key that is not in the key file. "
                f"Add the key that was in use when they were saved as a further line."
            )
        try:
            opened = cipher.decrypt(header[-NONCE_BYTES:], body, _bound(header, owner))
        except (InvalidTag, ValueError) as error:
            raise VaultError(
                f"The secrets of {owner} have been altered in the database. Save them again."
            ) from error
        return _decoder.decode(opened)

    @property
    def mark(self) -> bytes:
        """How everything begins that was sealed with the newest key."""
        return VERSION + self._current

    def _cipher(self, key_id: bytes) -> AESGCM | None:
        """The key of this id; one that was added to the file since counts."""
        if key_id not in self._keys and self._path is not None:
            self._keys |= {_key_id(key): AESGCM(key) for key in _read(self._path)}
        return self._keys.get(key_id)


def _bound(header: bytes, owner: str) -> bytes:
    return header + owner.encode()


def _key_id(key: bytes) -> bytes:
    return sha256(b"quaymaster key id" + key).digest()[:KEY_ID_BYTES]


def open_vault(path: Path) -> Vault:
    """The vault of this key file, which is created for its owner alone when it does not exist.

    The file holds one base64 key of 32 bytes a line, the current one first.
    """
    if not path.exists():
        try:
            _create(path)
        except OSError as error:
            raise VaultError(f"The key file {path} cannot be created: {error.strerror}.") from error
    return Vault(_read(path), path)


def add_key(path: Path) -> None:
    """Put a new key in front of those of the file, which go on opening what they have sealed.

    Raises VaultError.
    """
    keys = _read(path) if path.exists() else []
    _replace(path, [os.urandom(KEY_BYTES), *keys])


def forget_older_keys(path: Path) -> int:
    """Leave only the current key in the file; how many were there besides. Raises VaultError."""
    keys = _read(path)
    _replace(path, keys[:1])
    return len(keys) - 1


def _replace(path: Path, keys: list[bytes]) -> None:
    """Write the whole file under another name and put it in place, so that it is never half."""
    written = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"".join(b64encode(key) + b"\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            owner = path.stat()
            os.chown(written, owner.st_uid, owner.st_gid)
        written.replace(path)
    except OSError as error:
        written.unlink(missing_ok=True)
        raise VaultError(f"The key file {path} cannot be written: {error.strerror}.") from error


def _read(path: Path) -> list[bytes]:
    """The keys of the file, the current one first. Raises VaultError."""
    try:
        lines = path.read_text("ascii").split()
        keys = [b64decode(line, validate=True) for line in lines]
    except (OSError, NotBase64, UnicodeDecodeError) as error:
        raise VaultError(f"The key file {path} cannot be read as lines of base64.") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise VaultError(f"The key file {path} must hold keys of {KEY_BYTES} bytes, one a line.")
    return keys


def _create(path: Path) -> None:
    """Write a new key under another name and link it, so that nobody reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key is the key
            os.link(written, path)
    finally:
        written.unlink()
