"""Zips that are made while they are sent, so that none is ever held as a whole."""

import zipfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

UNSAFE = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a zip: its path inside, and its bytes in pieces."""

    name: str
    pieces: AsyncIterator[bytes]


class _Outgoing:
    """What the zip writes to: it is sent on at once and cannot be gone back to."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """Everything written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


async def zipped_entries(
    entries: Iterable[Entry], *, compressed: bool = True
) -> AsyncIterator[bytes]:
    """The bytes of a zip of these files in pieces; what an entry raises ends it in the middle."""
    out = _Outgoing()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", method) as archive:  # type: ignore[call-overload]
        for entry in entries:
            with archive.open(entry.name, "w", force_zip64=True) as file:
                async for piece in entry.pieces:
                    file.write(piece)
                    if sent := out.taken():
                        yield sent
    yield out.taken()


def safe_name(name: str) -> str:
    """A name for one part of a path in a zip; nothing in it leads elsewhere."""
    shown = "".join(character for character in name if character.isprintable())
    return shown.translate(UNSAFE).strip(" .")[:LONGEST_NAME] or "_"
