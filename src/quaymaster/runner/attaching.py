"""Files that a task attaches: copied when it says so, masked where they are text.

The copy belongs to the worker, which removes it once its bytes are kept. What the task does to
the file afterwards changes nothing.
"""

import os
import stat
from codecs import getincrementaldecoder
from pathlib import Path
from typing import BinaryIO

from quaymaster.runner.masking import Masker

LARGEST = 100 * 1024**2
LARGEST_OF_A_JOB = 1024**3
MOST_OF_A_JOB = 1000
LONGEST_NAME = 260
BLOCK = 1024**2


class CannotAttach(Exception):
    """Why a file is not attached, as the step's error says it."""


class Attachments:
    """The copies that one job has made, counted so that a job cannot fill the disk with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._bytes = 0

    def copy(self, source: Path, masker: Masker) -> Path:
        """A masked copy of the file. Raises CannotAttach."""
        if self._count >= MOST_OF_A_JOB:
            raise CannotAttach(f"a job keeps at most {MOST_OF_A_JOB} attachments")
        most = min(LARGEST, LARGEST_OF_A_JOB - self._bytes)
        target = self._folder / f".attachment-{self._count}"
        try:
            with _opened(source) as file:
                size = os.fstat(file.fileno()).st_size
                if size > most:
                    raise CannotAttach(f"its {size} bytes are more than the {most} that are kept")
                self._count += 1
                self._bytes += _copied(file, target, masker, most)
        except OSError as error:
            raise CannotAttach(f"the file cannot be read or copied ({error.strerror})") from error
        return target


def _opened(source: Path) -> BinaryIO:
    """A regular file; opening anything else would wait for whoever is at the other end."""
    file = os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise CannotAttach("it is not a file")
    return file


def _copied(source: BinaryIO, target: Path, masker: Masker, most: int) -> int:
    """Copy as masked text, or byte for byte what is no UTF-8; the number of bytes read."""
    try:
        return _masked(source, target, masker, most)
    except UnicodeDecodeError:
        source.seek(0)
        return _as_it_is(source, target, most)


def _masked(source: BinaryIO, target: Path, masker: Masker, most: int) -> int:
    """Raises UnicodeDecodeError when the file turns out not to be text."""
    decoder = getincrementaldecoder("utf-8")()
    waiting, count = "", 0
    with target.open("wb") as copy:
        while count < most and (block := source.read(min(BLOCK, most - count))):
            count += len(block)
            waiting += decoder.decode(block)
            cut = masker.cut(waiting, max(len(waiting) - masker.longest - BLOCK // 4, 0))
            copy.write(masker.mask(waiting[:cut]).encode())
            waiting = waiting[cut:]
        waiting += decoder.decode(b"", final=True)
        copy.write(masker.mask(waiting).encode())
    return count


def _as_it_is(source: BinaryIO, target: Path, most: int) -> int:
    count = 0
    with target.open("wb") as copy:
        while count < most and (block := source.read(min(BLOCK, most - count))):
            count += len(block)
            copy.write(block)
    return count
