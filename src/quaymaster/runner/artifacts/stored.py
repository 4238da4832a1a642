"""Copies the files of one of our own builds out of the storage; run as a program of its own.

It reads what to do from the file that the environment variable QUAYMASTER_STORED names (the list of
files may be long) and prints lines for the log. Every file is verified before it is kept.
"""

import hashlib
import os
import sys
from pathlib import Path

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from quaymaster.protocol.job import StoredFile
from quaymaster.runner.containment import safe_parts
from quaymaster.runner.items import taker
from quaymaster.runner.programs import EXIT_FAILED, EXIT_FINAL, say
from quaymaster.runner.tasks.call import TaskFailed

REQUEST_VARIABLE = "QUAYMASTER_STORED"
PIECE = 1024 * 1024
ASKED = 4 * PIECE  # of a distant storage, in one request


class CannotCopy(Exception):
    """A file of the build cannot be had as it was published; the text says which and why."""


class Copy(msgspec.Struct, frozen=True):
    """What to copy into `target`, out of the storage at this address."""

    alias: str
    storage: str
    target: str
    files: list[StoredFile]
    items: list[str] | None = None


def main() -> int:
    """Do what the file says; the exit code says whether a retry may help."""
    place = Path(os.environ.pop(REQUEST_VARIABLE))
    wanted = msgspec.json.decode(place.read_bytes(), type=Copy)
    try:
        _copy(wanted)
    except (CannotCopy, TaskFailed) as error:
        say(f"##[error]{error}")
        return EXIT_FINAL
    except FileNotFoundError:
        say("##[error]The storage did not give a file: it is not there any more.")
        return EXIT_FINAL
    except (BaseError, OSError) as error:
        say(f"##[error]The storage did not give a file ({type(error).__name__}).")
        return EXIT_FAILED
    return 0


def _copy(wanted: Copy) -> None:
    store = from_url(wanted.storage)
    takes = taker(wanted.items)
    chosen = [file for file in wanted.files if takes(file.path)]
    for file in chosen:
        _one(store, wanted, file)
    verified = sum(bool(file.sha256) for file in chosen)
    total = sum(file.size for file in chosen)
    say(f"Downloaded {len(chosen)} files, {total} bytes; {verified} checksums were right.")


def _one(store: ObjectStore, wanted: Copy, file: StoredFile) -> None:
    parts = safe_parts(file.path)
    if parts is None:
        raise CannotCopy(
            f"Artifact {wanted.alias} holds a file with the forbidden name {file.path!r}."
        )
    place = Path(wanted.target, *parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    added_up, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(place, flags, 0o644), "wb") as out:
        for key in file.keys:
            # Not `get().stream()`: of a folder that reads 8 KiB at a time.
            opened = obstore.open_reader(store, key, buffer_size=ASKED)
            while piece := opened.read(PIECE):
                out.write(piece)
                added_up.update(piece)
                size += len(piece)
    if size != file.size or (file.sha256 and added_up.hexdigest() != file.sha256.lower()):
        place.unlink()
        raise CannotCopy(
            f"Artifact {wanted.alias}: {file.path} is not what was published: its size or its "
            "SHA-256 checksum differs. It was not kept."
        )


if __name__ == "__main__":
    sys.exit(main())
