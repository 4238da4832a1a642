"""How messages travel through a pipe: a 4-byte big-endian length, then msgpack."""

import asyncio
from typing import TypeVar

import msgspec

from quaymaster.protocol.job import HostMessage, WorkerMessage

LENGTH_BYTES = 4
LARGEST_FRAME = 64 * 1024**2

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
_from_host: msgspec.msgpack.Decoder[HostMessage] = msgspec.msgpack.Decoder(HostMessage)
_from_worker: msgspec.msgpack.Decoder[WorkerMessage] = msgspec.msgpack.Decoder(WorkerMessage)


class FrameError(Exception):
    """The other side sent something that is not a message of this protocol."""


def encode(message: HostMessage | WorkerMessage) -> bytes:
    """The frame of one message, ready to be written."""
    body = _encoder.encode(message)
    if len(body) > LARGEST_FRAME:
        raise FrameError(f"A message of {len(body)} bytes is over the limit of {LARGEST_FRAME}.")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The body of the next frame, or None at the end of the stream, be it in mid-frame."""
    try:
        length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
        if length > LARGEST_FRAME:
            raise FrameError(f"A frame of {length} bytes is over the limit of {LARGEST_FRAME}.")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def read_from_host(reader: asyncio.StreamReader) -> HostMessage | None:
    """The next message of a job host, or None when it is gone."""
    body = await read_frame(reader)
    return None if body is None else _decoded(_from_host, body)


async def read_from_worker(reader: asyncio.StreamReader) -> WorkerMessage | None:
    """The next message of the worker, or None when it is gone."""
    body = await read_frame(reader)
    return None if body is None else _decoded(_from_worker, body)


def _decoded(decoder: msgspec.msgpack.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(f"A frame could not be read: {error}") from error
